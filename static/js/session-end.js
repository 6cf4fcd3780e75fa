// Say in time that the session ends, and let its reader stay (WCAG 2.2.1).
// Another tab may have prolonged it, so the portal is asked before anything is said.

const notice = document.querySelector("[data-session-ends]");
const form = notice.querySelector("form");
const IN_TIME = 120; // seconds
const AGAIN = 10; // seconds
// What a page asks by itself keeps nobody signed in: the header says that it is so.
const BY_ITSELF = { headers: { "HX-Request": "true" } };
let timer;

function show(state) {
  for (const part of notice.children) part.hidden = part.dataset.when !== state;
}

function lookIn(seconds) {
  clearTimeout(timer);
  timer = setTimeout(look, Math.max(seconds, 1) * 1000);
}

function take({ seconds_left: left, may_stay: mayStay }) {
  if (left > IN_TIME) {
    show("");
    return lookIn(left - IN_TIME);
  }
  show(mayStay ? "soon" : "last");
  lookIn(Math.min(left, AGAIN));
}

async function ask(how) {
  const response = await fetch(form.action, how);
  if (response.headers.get("HX-Refresh") || response.redirected) return show("ended");
  if (!response.ok) throw new Error(response.statusText);
  take(await response.json());
}

function look() {
  ask(BY_ITSELF).catch(() => lookIn(AGAIN));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask({ method: "POST", body: new FormData(form) }).catch(() => lookIn(1));
});
// A machine that slept has not counted.
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") look();
});

lookIn(Number(notice.dataset.sessionEnds) - IN_TIME);
