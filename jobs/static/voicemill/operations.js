// The operator's page, fetched again every few seconds while somebody looks at it.
const EVERY = 5000;
const PATIENCE = 10000;
const FETCHED = `Fetched again every ${EVERY / 1000} seconds.`;
const figures = document.getElementById("operations");
const told = document.getElementById("operations-told");
let served = figures.innerHTML;
let timer = 0;

function tell(text, alarm) {
  told.classList.toggle("vm-alarm", alarm);
  if (told.textContent !== text) told.textContent = text;
}

function age() {
  return figures.querySelector("[data-at]").dataset.at;
}

// What a person has in hand stays as it is: an open table, the focus, a selected text.
function isBeingRead() {
  const chosen = document.getSelection();
  return !chosen.isCollapsed && figures.contains(chosen.anchorNode);
}

function keyOf(element) {
  for (const name of ["id", "formaction", "href"]) {
    if (element.getAttribute(name)) return `[${name}="${CSS.escape(element.getAttribute(name))}"]`;
  }
  return element.closest("details[id]") && `#${CSS.escape(element.closest("details[id]").id)} > summary`;
}

function show(html) {
  if (html === served || isBeingRead()) return;
  const focused = figures.contains(document.activeElement) && keyOf(document.activeElement);
  const open = [...figures.querySelectorAll("details[open]")].map((each) => each.id);
  figures.innerHTML = served = html;
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (focused) figures.querySelector(focused)?.focus({ preventScroll: true });
}

async function refresh() {
  clearTimeout(timer);
  try {
    const asked = { redirect: "manual", signal: AbortSignal.timeout(PATIENCE) };
    const answer = await fetch(figures.dataset.from, asked);
    if (answer.type === "opaqueredirect") {
      tell(`You are signed out. These figures are of ${age()}: load the page again.`, true);
      return;
    }
    if (!answer.ok) throw new Error(answer.status);
    show(await answer.text());
    tell(FETCHED, false);
  } catch {
    tell(`The server does not answer. These figures are of ${age()}.`, true);
  }
  if (!document.hidden) timer = setTimeout(refresh, EVERY);
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer);
  else refresh();
});
tell(FETCHED, false);
timer = setTimeout(refresh, EVERY);
