// The phone's page: pair it, then wait for what the portal asks and answer it.

const EVERY = 3000; // milliseconds
const ASKED = "A request waits for you.";
const OFFLINE = "The portal cannot be reached. Check the connection; the page tries again.";
const page = document.querySelector("[data-phone]");
// By the names that the page gives: static files carry their hash in the name.
const keys = await import(page.dataset.keyModule);
const requests = await import(page.dataset.requestsModule);
const send = (await import(page.dataset.messagesModule)).sender(keys);
const status = find("[data-status]");
let phone; // as in key.js, or nothing
let timer;

function find(selector) {
  return page.querySelector(selector);
}

function show(state) {
  for (const section of page.querySelectorAll("[data-state]")) {
    section.hidden = section.dataset.state !== state;
  }
  find("[data-unpair]").hidden = !phone;
}

function say(text, kind = "") {
  if (status.textContent !== text) status.textContent = text;
  status.className = text ? `message ${kind}` : "";
}

function end(text) {
  clearTimeout(timer);
  find("[data-why]").textContent = text;
  say("");
  show("gone");
}

async function pair(token) {
  const { key, jwk } = await keys.make();
  const said = await send(page.dataset.claim, { key }, { token }, { jwk });
  if (said.status !== 201) return end(said.text);
  const number = await keys.comparisonNumber(jwk, said.device);
  phone = { key, device: said.device, number };
  await keys.keep(phone);
  wait();
}

async function ask() {
  const said = await send(page.dataset.challenges, phone);
  if (said.status === 403 || said.status === 410) return end(said.text);
  if (said.status !== 200) return;
  find("[data-number]").textContent = phone.number;
  find("[data-name]").textContent = said.name;
  const isNew = requests.show(said.requests, answer);
  const waits = said.requests.length > 0;
  document.title = `${waits ? "A request waits" : "Phone"} · EPCS Portal`;
  if (isNew) say(ASKED);
  else if (status.textContent === OFFLINE || (!waits && status.textContent === ASKED)) say("");
  show(said.is_confirmed ? "ready" : "compare");
}

async function answer({ challenge, nonce, digest }, decision, number) {
  const claims = { challenge, nonce, digest, decision, number };
  const said = await tried(() => send(page.dataset.answers, phone, claims));
  if (!said) return;
  say(said.text, said.status === 200 ? "success" : "error");
  if (said.status !== 200 && said.status !== 410) return;
  requests.close(challenge);
  status.focus();
}

// Asking again costs nothing, so whatever went wrong on the way is tried again.
async function tried(step) {
  try {
    return await step();
  } catch (problem) {
    if (!(problem instanceof TypeError)) throw problem;
    say(OFFLINE, "error");
  }
}

async function wait() {
  clearTimeout(timer);
  timer = setTimeout(wait, EVERY);
  if (document.visibilityState === "visible") await tried(ask);
}

async function forget() {
  clearTimeout(timer);
  await keys.forget();
  phone = undefined;
  say("The key is forgotten. Remove the device in the portal as well.");
  show("unpaired");
}

function tokenIn(address) {
  return new URLSearchParams(new URL(address, location).hash.slice(1)).get("pair");
}

async function start() {
  const token = tokenIn(location.href);
  history.replaceState(null, "", location.pathname);
  const reason = keys.whyNot();
  if (reason) return show(reason);
  phone = await keys.load();
  if (token) return offer(token);
  if (phone) return wait();
  show("unpaired");
}

function offer(token) {
  find("[data-origin]").textContent = location.origin;
  find("[data-replaces]").hidden = !phone;
  find("[data-pair]").onclick = (event) => {
    event.target.disabled = true;
    tried(() => pair(token)).finally(() => (event.target.disabled = false));
  };
  show("ask");
}

find("[data-forget]").addEventListener("click", forget);
find("[data-open-link]").addEventListener("submit", (event) => {
  event.preventDefault();
  const token = tokenIn(find("#pairing-link").value);
  if (token) offer(token);
  else say("That is not a pairing address.", "error");
});
addEventListener("hashchange", () => location.reload());
document.addEventListener("visibilitychange", () => phone && timer && wait());
start().catch(() => show("unsupported"));
