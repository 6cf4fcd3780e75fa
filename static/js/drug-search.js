// Drugs are listed while somebody types; this adds what the keyboard expects.
// [data-drug-search] holds the field and the list. Without this, Find does the same.

const search = document.querySelector("[data-drug-search]");
const field = search.querySelector("input[type=search]");

if (window.htmx) for (const find of document.querySelectorAll("button[name=find]")) find.remove();

field.addEventListener("keydown", (event) => {
  const first = search.querySelector("input[type=radio]:not(:checked), input[type=radio]");
  if (event.key === "ArrowDown" && first) {
    event.preventDefault();
    first.focus();
  }
  if (event.key === "Enter") event.preventDefault(); // or the form would be sent
});
