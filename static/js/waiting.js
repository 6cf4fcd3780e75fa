// The page waits for a phone: count down, ask the portal now and then, go on by itself.
// [data-push] names the address that knows; without this, the page's own button goes on.

const panel = document.querySelector("[data-push]");
const form = panel.closest("form");
const countdown = panel.querySelector("[data-countdown]");
const status = panel.querySelector("[data-push-status]");
const EVERY = 2000; // milliseconds

function tick() {
  const left = Math.round((new Date(countdown.dataset.countdown) - Date.now()) / 1000);
  if (left <= 0) return;
  const seconds = String(left % 60).padStart(2, "0");
  countdown.textContent = `in ${Math.floor(left / 60)}:${seconds}`;
  setTimeout(tick, 1000);
}

// What a page asks by itself keeps nobody signed in: the header says that it is so.
async function ask() {
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  const headers = { "X-CSRFToken": token, "HX-Request": "true" };
  const response = await fetch(panel.dataset.push, { method: "POST", headers });
  if (response.headers.get("HX-Refresh")) return location.reload();
  return response.ok ? (await response.json()).state : "open";
}

async function wait() {
  const state = await ask().catch(() => "open");
  if (state === "passed") {
    status.textContent = "Approved. Going on…";
    return form.requestSubmit();
  }
  if (state !== "open") return location.replace(location.href);
  setTimeout(wait, EVERY);
}

if (countdown) {
  tick();
  wait();
}
