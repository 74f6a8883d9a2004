"""Results in Redis or Valkey: strings with a time to live, and streams that wake who waits."""
