"""The pages, as markup: functions of what is known, which neither ask nor do anything."""
