// Recording in the browser: a level to see while it runs, and a file at the end.
import { button, make, seconds, say } from "./elements.js";

const KINDS = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];
const LONGEST = 600;
const AGAIN = "then press “Record here” again; or upload a file.";
const REFUSALS = {
  NotAllowedError: `The browser keeps the microphone from this page. Allow it at the sign beside the page's address, ${AGAIN}`,
  NotFoundError: `There is no microphone. Plug one in, ${AGAIN}`,
  NotReadableError: `Another program holds the microphone. Close that one, ${AGAIN}`,
};
const NO_HTTPS = "Recording here needs an address with https: upload a file instead.";

function loudness(analyser, buffer) {
  analyser.getFloatTimeDomainData(buffer);
  return Math.max(...buffer.map(Math.abs));
}

export function recorder(take) {
  const able = Boolean(navigator.mediaDevices);
  const note = make("span", { class: "vm-note", role: "status" }, able ? "" : NO_HTTPS);
  const level = make("i", { style: "width: 0" });
  const meter = make("div", { class: "vm-bar vm-level", hidden: true }, level);
  const begin = button("Record here", start, { hidden: !able });
  const stop = button("Stop", () => running.recorder.stop(), { hidden: true });
  let running = null;
  let count = 0;

  async function start() {
    begin.disabled = true;
    say(note, "Allow the microphone where the browser asks.");
    try {
      const wishes = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
      listen(await navigator.mediaDevices.getUserMedia({ audio: wishes }));
    } catch (refusal) {
      say(note, REFUSALS[refusal.name] ?? "The browser cannot record here: upload a file.", true);
    }
    begin.disabled = false;
  }

  function listen(stream) {
    const kind = KINDS.find((one) => MediaRecorder.isTypeSupported(one));
    const sound = new AudioContext();
    const analyser = sound.createAnalyser();
    sound.createMediaStreamSource(stream).connect(analyser);
    const pieces = [];
    const media = new MediaRecorder(stream, { mimeType: kind });
    // A timer, because a page that nobody looks at draws nothing.
    running = { recorder: media, sound, stream, began: Date.now(), limit: setTimeout(() => media.stop(), 1000 * LONGEST) };
    media.addEventListener("dataavailable", (event) => pieces.push(event.data));
    media.addEventListener("stop", () => end(pieces, kind));
    media.start(1000);
    begin.hidden = true;
    stop.hidden = meter.hidden = false;
    watch(analyser, new Float32Array(analyser.fftSize));
  }

  function watch(analyser, buffer) {
    if (!running) return;
    const spent = (Date.now() - running.began) / 1000;
    level.style.width = `${Math.round(100 * loudness(analyser, buffer))}%`;
    say(note, `Recording, ${seconds(spent)}`);
    requestAnimationFrame(() => watch(analyser, buffer));
  }

  function end(pieces, kind) {
    clearTimeout(running.limit);
    running.stream.getTracks().forEach((track) => track.stop());
    running.sound.close();
    running = null;
    begin.hidden = false;
    stop.hidden = meter.hidden = true;
    say(note, "");
    count += 1;
    const ending = kind.includes("mp4") ? "m4a" : kind.slice(6, kind.indexOf(";"));
    take(new File(pieces, `Recording ${count}.${ending}`, { type: kind }));
  }

  // Leaving would lose what was read so far: the browser asks.
  window.addEventListener("beforeunload", (event) => running && event.preventDefault());
  return make("div", { class: "vm-recorder" }, begin, stop, meter, note);
}
