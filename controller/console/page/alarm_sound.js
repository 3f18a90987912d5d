/* Alarm sound: bursts after IEC 60601-1-8, made by the browser's own oscillators.

   High 10 pulses (3+2, 3+2), medium 3, low 1 (EDAN X8, Comen N10 manuals); repeated every 10, 25
   and 30 s (practice in manuals: EDAN X8, Mindray). Pitch, lengths and pauses of the pulses are
   engineering estimates. Until somebody has touched the page the browser keeps silent. */

const PATTERNS = {
  high: { every_s: 10, pulse_s: 0.15, gaps: [0.1, 0.1, 0.3, 0.1, 0.6, 0.1, 0.1, 0.3, 0.1] },
  medium: { every_s: 25, pulse_s: 0.2, gaps: [0.2, 0.2] },
  low: { every_s: 30, pulse_s: 0.2, gaps: [] },
};
const PITCH_HZ = { high: 660, medium: 520, low: 440 };
const LOUDNESS = 0.6;

/** When each pulse of a burst begins and ends, in seconds from its start. */
export function burst(priority) {
  const { pulse_s, gaps } = PATTERNS[priority];
  const starts = [0];
  for (const gap of gaps) starts.push(starts.at(-1) + pulse_s + gap);
  return starts.map((start) => [start, start + pulse_s]);
}

/** The priority that must sound: the highest that is active and not acknowledged; null: none. */
export function sounding(view, now_ms) {
  const until = view.audio_paused_until_wall;
  if (until && Date.parse(until) > now_ms) return null;
  const waiting = view.alarms.filter((alarm) => !alarm.acknowledged);
  return ["high", "medium", "low"].find((each) => waiting.some((a) => a.priority === each)) ?? null;
}

/** Plays what `follow` is told; `isReady` is false until the browser permits sound. */
export class AlarmSound {
  constructor() {
    this.context = null;
    this.priority = null;
    this.nextAt = 0;
    this.bursts = 0;
    const wake = () => this.wake();
    window.addEventListener("pointerdown", wake, true);
    window.addEventListener("keydown", wake, true);
    wake(); // a kiosk may be permitted to sound without a touch
  }

  get isReady() {
    return this.context?.state === "running";
  }

  wake() {
    this.context ??= new AudioContext();
    if (this.context.state === "suspended") this.context.resume();
  }

  /** Called with every view: a higher alarm sounds at once, the same one in its turn. */
  follow(view) {
    const priority = sounding(view, Date.parse(view.now_wall));
    const now_s = performance.now() / 1000;
    if (priority !== this.priority) this.nextAt = now_s;
    this.priority = priority;
    if (!priority || now_s < this.nextAt || !this.isReady) return;
    this.nextAt = now_s + PATTERNS[priority].every_s;
    this.play(priority);
  }

  play(priority) {
    this.bursts += 1;
    for (const [start, end] of burst(priority)) this.pulse(PITCH_HZ[priority], start, end);
  }

  pulse(pitch_hz, start_s, end_s) {
    const at = this.context.currentTime + 0.02;
    const gain = this.context.createGain();
    gain.gain.setValueAtTime(0, at + start_s);
    gain.gain.linearRampToValueAtTime(LOUDNESS, at + start_s + 0.02);
    gain.gain.setValueAtTime(LOUDNESS, at + end_s - 0.02);
    gain.gain.linearRampToValueAtTime(0, at + end_s);
    const tone = this.context.createOscillator();
    tone.type = "square"; // its harmonics are heard where a sine is not
    tone.frequency.value = pitch_hz;
    tone.connect(gain).connect(this.context.destination);
    tone.start(at + start_s);
    tone.stop(at + end_s);
  }
}
