// Keep the phone's codes, push requests and messages up to date.
// #codes[data-url] names the JSON of the codes, #feed[data-url] the HTML of the rest.

const codes = document.getElementById("codes");
const feed = document.getElementById("feed");
const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
let shown = null;

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

// Every answer carries a new CSRF token; all of them are good, so keep the first.
async function refreshFeed() {
  const response = await fetch(feed.dataset.url, { cache: "no-store" });
  if (!response.ok) return;
  const html = (await response.text()).replace(
    /(name="csrfmiddlewaretoken" value=")[^"]*/g,
    `$1${token}`,
  );
  if (shown !== null && html !== shown) feed.innerHTML = html;
  shown = html;
}

async function tick() {
  await Promise.allSettled([refreshCodes(), refreshFeed()]);
  setTimeout(tick, 1000);
}

tick();
