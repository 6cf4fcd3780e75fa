// What the portal asks right now, one card each. Everything that came from the portal is
// set as text. A card stays as it is while somebody types into it.

const list = document.querySelector("[data-requests]");
const nothing = document.querySelector("[data-nothing]");
const blank = document.querySelector("template[data-request]");
const cards = new Map(); // by challenge
const closed = new Set(); // challenges; a poll that was under way may still name them

/** Show these requests and no others, and say whether one is new.
 *  `answer(request, decision, number)` sends a decision. */
export function show(requests, answer) {
  const open = new Set(requests.map((request) => request.challenge));
  for (const challenge of cards.keys()) {
    if (!open.has(challenge)) drop(challenge);
  }
  const isNew = ({ challenge }) => !cards.has(challenge) && !closed.has(challenge);
  const fresh = requests.filter(isNew);
  for (const request of fresh) add(request, answer);
  nothing.hidden = cards.size > 0;
  return fresh.length > 0;
}

/** Take a request away that is answered or over. */
export function close(challenge) {
  closed.add(challenge);
  drop(challenge);
  nothing.hidden = cards.size > 0;
}

function add(request, answer) {
  const form = blank.content.cloneNode(true).querySelector("form");
  form.querySelector("[data-message]").textContent = request.message;
  form.querySelector("[data-who]").textContent = request.who;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    decide("approve");
  });
  for (const button of form.querySelectorAll("[data-decision]")) {
    button.addEventListener("click", () => decide(button.dataset.decision));
  }
  async function decide(decision) {
    const buttons = form.querySelectorAll("button");
    const number = form.querySelector("input");
    for (const button of buttons) button.disabled = true;
    await answer(request, decision, number.value);
    for (const button of buttons) button.disabled = false;
    number.value = "";
    number.focus();
  }
  const ends = performance.now() + request.seconds_left * 1000;
  const timer = setInterval(() => count(form, ends), 1000);
  count(form, ends);
  cards.set(request.challenge, { form, timer });
  list.append(form);
  navigator.vibrate?.(200);
}

function drop(challenge) {
  const card = cards.get(challenge);
  if (!card) return;
  clearInterval(card.timer);
  card.form.remove();
  cards.delete(challenge);
}

function count(form, ends) {
  const left = Math.max(0, Math.round((ends - performance.now()) / 1000));
  const seconds = String(left % 60).padStart(2, "0");
  form.querySelector("[data-left]").textContent = `${Math.floor(left / 60)}:${seconds}`;
}
