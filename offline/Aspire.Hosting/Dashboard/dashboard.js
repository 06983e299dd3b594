// Looks again every two seconds, and keeps what the reader has opened. Without scripts the pages are the same, but still.
"use strict";
const pause = document.getElementById("pause");
const updated = document.getElementById("updated");
let refreshes = 0;

pause.hidden = false;
pause.addEventListener("click", () => {
  const paused = pause.getAttribute("aria-pressed") !== "true";
  pause.setAttribute("aria-pressed", String(paused));
});

function reading() {
  const active = document.activeElement;
  return document.hidden || pause.getAttribute("aria-pressed") === "true"
    || !getSelection().isCollapsed || (active && active.matches("main input"));
}

async function refresh() {
  if (reading()) return;
  try {
    const answer = await fetch(location.href);
    const next = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
    if (reading()) return;
    for (const open of document.querySelectorAll("details[open]")) next.querySelector("#" + open.id)?.setAttribute("open", "");
    const focused = document.activeElement?.closest("details")?.id;
    const log = document.getElementById("log");
    const atEnd = !log || log.scrollTop + log.clientHeight >= log.scrollHeight - 40;
    const scrolled = log?.scrollTop;
    document.querySelector("main").replaceWith(next);
    if (focused) document.querySelector("#" + focused + " summary")?.focus();
    if (log) showLog(atEnd, scrolled);
    document.documentElement.dataset.refreshes = String(++refreshes);
    updated.textContent = "Updated " + new Date().toLocaleTimeString();
  } catch {
    updated.textContent = "The AppHost does not answer.";
  }
}

function showLog(atEnd, scrolled) {
  const log = document.getElementById("log");
  if (log) log.scrollTop = atEnd ? log.scrollHeight : scrolled;
}

if (location.hash) {
  const target = document.getElementById(location.hash.slice(1));
  if (target instanceof HTMLDetailsElement) target.open = true;
}
showLog(true);
setInterval(refresh, 2000);
