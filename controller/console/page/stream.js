/* Hears the controller's events and notices their absence: after 1 s without a new view the page
   is stale, whatever the reason. A view that is repeated is not news. */

const STALE_MS = 1000;
const LOOK_MS = 100;
const AGAIN_MS = 1000;

/** Calls `onView(view)`, `onStrip(points)`, `onCalibration(calibration)`, `onStale(seconds or null)`
    when it changes and then every second, and `onRefused()` when the controller does not speak to this browser. */
export class Stream {
  constructor({ onView, onStrip, onCalibration, onStale, onRefused }) {
    Object.assign(this, { onView, onStrip, onCalibration, onStale, onRefused });
    this.heardAt = -Infinity;
    this.seq = null;
    this.told = undefined;
  }

  start() {
    this.connect();
    setInterval(() => this.look(), LOOK_MS);
  }

  /** Also after a login: the stream speaks to whom it was opened by. */
  connect() {
    this.source?.close();
    const source = new EventSource("/api/events");
    this.source = source;
    source.addEventListener("view", (event) => this.view(JSON.parse(event.data)));
    source.addEventListener("strip", (event) => this.onStrip(JSON.parse(event.data).points));
    source.addEventListener("calibration", (event) => this.onCalibration(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      // The browser comes back by itself, except after an answer that is no event stream.
      if (source.readyState !== EventSource.CLOSED || source !== this.source) return;
      this.onRefused();
      setTimeout(() => { if (source === this.source) this.connect(); }, AGAIN_MS);
    });
  }

  view(view) {
    if (view.seq === this.seq) return;
    this.seq = view.seq;
    this.heardAt = performance.now();
    this.look();
    this.onView(view);
  }

  look() {
    const silent_ms = performance.now() - this.heardAt;
    const second = silent_ms > STALE_MS ? Math.floor(silent_ms / 1000) : null;
    if (second === this.told) return;
    this.told = second;
    this.onStale(second);
  }
}
