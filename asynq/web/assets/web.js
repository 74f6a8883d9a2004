// Keeps the page up to date: the server says that there is news, the page asks for itself again, and
// only what differs is changed, so that focus, selection, scrolling and open parts stay. Without
// this script the page is the same, as of when it was loaded.
"use strict";

const live = document.body.hasAttribute("data-live");
const button = document.getElementById("live");
let source = null;
let paused = false;
let asking = false;
let next = 0;
let waiting = 0;

function show(state, word) {
  if (!button) return;
  button.dataset.state = state;
  button.setAttribute("aria-pressed", String(state !== "paused"));
  const label = button.querySelector(".word");
  if (label.textContent !== word) label.textContent = word;
}

// Makes `from` look like `to`, without touching what is the same.
function morph(from, to) {
  if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName || from.id !== to.id) {
    from.replaceWith(to);
    return;
  }
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.data !== to.data) from.data = to.data;
    return;
  }
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  for (const { name } of [...from.attributes]) {
    // Whether it is open is the reader's.
    if (!to.hasAttribute(name) && !(name === "open" && from.nodeName === "DETAILS")) {
      from.removeAttribute(name);
    }
  }
  children(from, to);
}

function children(from, to) {
  const known = new Map();
  for (const child of from.children) if (child.id) known.set(child.id, child);
  let old = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    const same = wanted.id ? known.get(wanted.id) : null;
    if (same) {
      if (same === old) old = old.nextSibling;
      else from.insertBefore(same, old);
      morph(same, wanted);
    } else if (old && !old.id && !wanted.id && old.nodeName === wanted.nodeName) {
      const after = old.nextSibling;
      morph(old, wanted);
      old = after;
    } else {
      from.insertBefore(wanted, old);
    }
  }
  while (old) {
    const after = old.nextSibling;
    old.remove();
    old = after;
  }
}

async function refresh() {
  if (asking || paused || document.hidden) return;
  const selection = document.getSelection();
  if (selection && !selection.isCollapsed) return; // somebody is about to copy something
  const now = performance.now();
  if (now < next) {
    clearTimeout(waiting);
    waiting = setTimeout(refresh, next - now);
    return;
  }
  asking = true;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (answer.redirected || answer.status === 401) return location.reload();
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!paused && fresh.getElementById("main")) {
      for (const part of ["main", "body > header nav", "body > footer"]) {
        const from = document.querySelector(part);
        const to = fresh.querySelector(part);
        if (from && to) morph(from, to);
      }
    }
  } catch {
    show("away", "Away");
  } finally {
    asking = false;
    const took = performance.now() - now;
    next = performance.now() + Math.max(800, 5 * took); // what costs much is asked for rarely
  }
}

let away = 0;

function open() {
  if (source || paused || document.hidden) return;
  source = new EventSource("live");
  source.addEventListener("news", refresh);
  source.addEventListener("open", () => {
    clearTimeout(away);
    away = 0;
    show("live", "Live");
  });
  source.addEventListener("error", () => {
    // A stream ends every few seconds, and is opened again by itself.
    if (!away) away = setTimeout(() => show("away", "Away"), 4000);
    if (source && source.readyState === EventSource.CLOSED) {
      close();
      setTimeout(open, 3000);
    }
  });
}

function close() {
  if (source) source.close();
  source = null;
}

if (live && button) {
  button.hidden = false;
  show("live", "Live");
  button.addEventListener("click", () => {
    paused = !paused;
    if (paused) {
      close();
      show("paused", "Paused");
    } else {
      show("live", "Live");
      open();
      refresh();
    }
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else {
      open();
      refresh();
    }
  });
  open();
  // What was done is told once, and not again when the page is loaded again.
  const url = new URL(location.href);
  if (url.searchParams.has("told")) {
    url.searchParams.delete("told");
    url.searchParams.delete("seal");
    const said = document.querySelector('.notice[role="status"]');
    history.replaceState(null, "", url);
    // It stands until there is something else to see: the parts are asked for without it.
    if (said) next = performance.now() + 6000;
  }
}

// What is chosen with a pointer is shown at once; whoever goes through a list by keys presses Show.
let pointed = false;
document.addEventListener("pointerdown", () => (pointed = true), true);
document.addEventListener("keydown", () => (pointed = false), true);
document.addEventListener("change", (event) => {
  const select = event.target.closest(".filter select");
  if (select && pointed) select.form.requestSubmit();
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const search = document.querySelector('input[type="search"]');
    if (search) {
      event.preventDefault();
      search.focus();
    }
  }
});
