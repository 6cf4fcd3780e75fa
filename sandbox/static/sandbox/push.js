// Wait for the phone's answer, then go on as if Continue had been pressed.
// <form data-push="…json"> belongs to a push request that may be unanswered.

const form = document.querySelector("form[data-push]");

async function ask() {
  const response = await fetch(form.dataset.push, { cache: "no-store" });
  if (!response.ok) return location.reload();
  const { answer, expired } = await response.json();
  if (answer === "yes") return form.submit();
  if (answer === "no" || expired) return location.reload();
  setTimeout(ask, 1000);
}

const waits = form && !form.querySelector("button") && !form.querySelector("[role=alert]");
if (waits) ask();
