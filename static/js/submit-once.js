// A second click on a button that signs does nothing while the first is under way.
// The server refuses it as well; this only spares the reader the message.

for (const form of document.querySelectorAll("form[data-submit-once]")) {
  form.addEventListener("submit", () => {
    for (const button of form.querySelectorAll("button")) button.disabled = true;
  });
}

addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("form[data-submit-once] button")) {
    button.disabled = false;
  }
});
