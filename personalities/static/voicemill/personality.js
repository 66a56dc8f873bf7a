// The prompt beside the form, made anew while somebody types; and the words of the sliders.
const PAUSE = 250;
const PATIENCE = 10000;
const form = document.getElementById("personality_form");
const card = document.getElementById("prompt-card");
const shown = document.getElementById("prompt");
const told = document.getElementById("prompt-told");
let timer = 0;
let latest = 0;

function tell(text, stale) {
  told.textContent = text;
  shown.classList.toggle("vm-stale", stale);
}

async function refresh() {
  const asked = ++latest;
  const body = new FormData(form);
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    const answer = await fetch(card.dataset.from, { method: "POST", body, redirect: "manual", signal });
    if (asked !== latest) return; // a later one is on its way
    if (answer.type === "opaqueredirect") return tell("You are signed out: sign in in another tab.", true);
    if (!answer.ok && answer.status !== 422) throw new Error(answer.status);
    const found = await answer.json();
    if (asked !== latest) return;
    if (found.wrong) return tell(Object.entries(found.wrong).map((pair) => pair.join(": ")).join(" "), true);
    shown.textContent = found.prompt;
    tell("As the form stands now.", false);
  } catch {
    if (asked === latest) tell("The server does not answer; the prompt is of a moment ago.", true);
  }
}

function speakOf(slider) {
  slider.nextElementSibling.textContent = JSON.parse(slider.dataset.words)[slider.value];
}

for (const slider of document.querySelectorAll("input[data-words]")) {
  const words = document.createElement("output");
  words.className = "vm-slider-words";
  words.htmlFor = slider.id;
  slider.after(words);
  speakOf(slider);
  slider.addEventListener("input", () => speakOf(slider));
}

if (form.querySelector("[name=humour_level]")) {
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, PAUSE);
  };
  form.addEventListener("input", soon);
  form.addEventListener("change", soon);
  if (!shown.textContent || form.querySelector(".errors")) refresh();
}
