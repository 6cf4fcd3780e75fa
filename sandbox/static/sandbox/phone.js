// Keep the phone's codes, push requests and messages up to date.
// #codes[data-url] names the JSON of the codes, #feed[data-url] the HTML of the rest.

const codes = document.getElementById("codes");
const feed = document.getElementById("feed");

function line({ name, code, seconds_left }) {
  const item = document.createElement("li");
  const parts = [
    ["span", "name", name],
    ["output", "code", code],
    ["span", "left", `${seconds_left} s`],
  ];
  for (const [tag, className, text] of parts) {
    const part = document.createElement(tag);
    part.className = className;
    part.textContent = text;
    item.append(part, " ");
  }
  return item;
}

async function refreshCodes() {
  const response = await fetch(codes.dataset.url, { cache: "no-store" });
  if (!response.ok) return;
  const entries = (await response.json()).codes;
  if (entries.length) codes.replaceChildren(...entries.map(line));
}

// Add and remove cards by their ids. A card that stays is not touched: somebody may be
// typing in it, or about to press its button.
function update(list, wanted) {
  const ids = new Set(Array.from(wanted.children, (card) => card.id));
  for (const card of [...list.children]) if (!ids.has(card.id)) card.remove();
  Array.from(wanted.children).forEach((card, at) => {
    const here = list.children[at];
    if (here?.id !== card.id) list.insertBefore(card, here ?? null);
  });
}

async function refreshFeed() {
  const response = await fetch(feed.dataset.url, { cache: "no-store" });
  if (!response.ok) return;
  const fresh = document.createElement("template");
  fresh.innerHTML = await response.text();
  const wanted = fresh.content.querySelectorAll("ul");
  feed.querySelectorAll("ul").forEach((list, at) => update(list, wanted[at]));
}

async function tick() {
  await Promise.allSettled([refreshCodes(), refreshFeed()]);
  setTimeout(tick, 1000);
}

tick();
