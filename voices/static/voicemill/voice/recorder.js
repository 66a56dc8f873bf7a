// Recording in the browser: a level to see while it runs, and a file at the end.
import { button, make, seconds, say } from "./elements.js";

const KINDS = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];
const LONGEST = 600;

function loudness(analyser, buffer) {
  analyser.getFloatTimeDomainData(buffer);
  return Math.max(...buffer.map(Math.abs));
}

export function recorder(take) {
  const note = make("span", { class: "vm-note", role: "status" });
  const level = make("i", { style: "width: 0" });
  const meter = make("div", { class: "vm-bar vm-level", hidden: true }, level);
  const begin = button("Record here", start, { hidden: !navigator.mediaDevices });
  const stop = button("Stop", () => running.recorder.stop(), { hidden: true });
  let running = null;
  let count = 0;

  async function start() {
    try {
      const wishes = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
      listen(await navigator.mediaDevices.getUserMedia({ audio: wishes }));
    } catch {
      say(note, "The browser gives no microphone. Allow it for this page, or upload a file.", true);
    }
  }

  function listen(stream) {
    const kind = KINDS.find((one) => MediaRecorder.isTypeSupported(one));
    const sound = new AudioContext();
    const analyser = sound.createAnalyser();
    sound.createMediaStreamSource(stream).connect(analyser);
    const pieces = [];
    running = { recorder: new MediaRecorder(stream, { mimeType: kind }), sound, stream, began: Date.now() };
    running.recorder.addEventListener("dataavailable", (event) => pieces.push(event.data));
    running.recorder.addEventListener("stop", () => end(pieces, kind));
    running.recorder.start(1000);
    begin.hidden = true;
    stop.hidden = meter.hidden = false;
    watch(analyser, new Float32Array(analyser.fftSize));
  }

  function watch(analyser, buffer) {
    if (!running) return;
    const spent = (Date.now() - running.began) / 1000;
    level.style.width = `${Math.round(100 * loudness(analyser, buffer))}%`;
    say(note, `Recording, ${seconds(spent)}`);
    if (spent > LONGEST) running.recorder.stop();
    else requestAnimationFrame(() => watch(analyser, buffer));
  }

  function end(pieces, kind) {
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

  return make("div", { class: "vm-recorder" }, begin, stop, meter, note);
}
