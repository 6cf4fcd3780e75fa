// Close a window that was opened for ID.me once its job is done.
// Browsers let a script close only what was opened from a page; else the text says so.

if (document.querySelector("[data-close-window=soon]")) {
  setTimeout(() => window.close(), 1500); // milliseconds, to be read
}
