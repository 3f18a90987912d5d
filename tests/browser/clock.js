/* A clock that the test moves along, for pages that shall live through hours in seconds. It is put
   in before any script of the page. Time goes on as ever, and besides it jumps when the stream of
   events has a `clock` event: what is due meanwhile happens on the way, in its order. So a jump
   and the view that follows it arrive in this order, however busy the machine is. */
(() => {
  const LOOK_MS = 5;
  const real = {
    now: performance.now.bind(performance),
    every: window.setInterval.bind(window),
    stamp: Object.getOwnPropertyDescriptor(Event.prototype, "timeStamp").get,
    Date,
    EventSource,
  };
  let jumped_ms = 0;
  let numbers = 0;
  const timers = new Map();
  const now = () => real.now() + jumped_ms;

  /* Everything that is due until `end_ms`, in its order and each at its time. */
  function fireUntil(end_ms) {
    for (;;) {
      let first = null;
      for (const [id, timer] of timers) {
        if (timer.due_ms <= end_ms && (!first || timer.due_ms < first.timer.due_ms)) first = { id, timer };
      }
      if (!first) return;
      const { id, timer } = first;
      jumped_ms += Math.max(0, timer.due_ms - now());
      if (timer.every_ms === null) timers.delete(id);
      else timer.due_ms += timer.every_ms;
      timer.act();
    }
  }

  function add(act, after_ms, every_ms) {
    numbers += 1;
    timers.set(numbers, { act, due_ms: now() + after_ms, every_ms });
    return numbers;
  }

  function jump(ms) {
    const end_ms = now() + ms;
    fireUntil(end_ms);
    jumped_ms += Math.max(0, end_ms - now());
  }

  performance.now = now;
  Object.defineProperty(Event.prototype, "timeStamp", {
    get() { return real.stamp.call(this) + jumped_ms; },
  });
  window.Date = class extends real.Date {
    constructor(...given) {
      super(...(given.length ? given : [real.Date.now() + jumped_ms]));
    }

    static now() { return real.Date.now() + jumped_ms; }
  };
  window.setTimeout = (act, ms = 0, ...given) => add(() => act(...given), ms, null);
  window.setInterval = (act, ms = 0, ...given) => add(() => act(...given), ms, Math.max(1, ms));
  window.clearTimeout = (id) => { timers.delete(id); };
  window.clearInterval = window.clearTimeout;
  real.every(() => fireUntil(now()), LOOK_MS);
  window.EventSource = class extends real.EventSource {
    constructor(...given) {
      super(...given);
      this.addEventListener("clock", (event) => jump(JSON.parse(event.data).ms));
    }
  };
  window.clock = { now, timers, get jumped_ms() { return jumped_ms; } };
})();
