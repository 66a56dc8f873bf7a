// The voice's page: its parts, and what each tells the others.
import { Audition } from "./audition.js";
import { call, VOICE } from "./api.js";
import { Consents } from "./consents.js";
import { say } from "./elements.js";
import { Making } from "./making.js";
import { Samples } from "./samples.js";
import { Sliders } from "./sliders.js";
import { Training } from "./training.js";

const card = (name) => document.getElementById(`voice-${name}`);
const head = card("head");

const reload = () => window.location.reload(); // state and version are others now
const training = new Training(card("training"), reload);
const samples = new Samples(card("samples"), (told) => training.need(told));
const consents = new Consents(card("consent"), reload);
const making = new Making(card("making"), reload);
const sliders = new Sliders(card("settings"), showDraft);
if (card("audition").querySelector("textarea")) new Audition(card("audition"));

function showDraft(told) {
  for (const element of document.querySelectorAll("[data-draft]")) element.hidden = told.state !== "draft";
}

// Publishing and rolling back are one click each, after what was moved is saved; what goes for good
// need not be.
for (const element of document.querySelectorAll("[data-posts]")) {
  element.addEventListener("click", async () => {
    if (element.dataset.asks && !window.confirm(element.dataset.asks)) return;
    const note = head.querySelector("[data-note]");
    try {
      await sliders.settled().catch((problem) => { if (!element.dataset.method) throw problem; });
      await call(element.dataset.method ?? "POST", `${VOICE}${element.dataset.posts}`, { version: sliders.version ?? "*" });
      window.location.assign(element.dataset.then ?? window.location.href);
    } catch (problem) {
      say(note, problem.message, true);
    }
  });
}

async function begin() {
  const { told, version } = await call("GET", `${VOICE}/settings`);
  sliders.load(told, version);
  showDraft(told);
  await Promise.all([samples.refresh(), consents.refresh()]);
  if (document.getElementById("voice-training").dataset.trained) training.watch();
  if (head.dataset.jobs) await making.watch(head.dataset.jobs.split(" "));
}

begin().catch((problem) => say(head.querySelector("[data-note]"), problem.message, true));
