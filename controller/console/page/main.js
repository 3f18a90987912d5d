/* Puts the page together: words, drawing, frame, views, then the stream of events. STOP is not
   here on purpose (stop.js). */

import { AlarmSound } from "./alarm_sound.js";
import { App } from "./app.js";
import { keepAwake } from "./awake.js";
import { loadFace } from "./face.js";
import { Frame } from "./frame.js";
import { Stream } from "./stream.js";
import { loadTexts } from "./texts.js";
import { alarmsView } from "./views/alarms.js";
import { calibrateView } from "./views/calibrate.js";
import { historyView } from "./views/history.js";
import { prepareView } from "./views/prepare.js";
import { sayWhyRefused } from "./views/token.js";
import { treatView } from "./views/treat.js";

const STALE_SOUND_EVERY_S = 25; // like any medium alarm

async function start() {
  await Promise.all([loadTexts(), loadFace()]);
  const app = new App({
    prepare: prepareView, treat: treatView, alarms: alarmsView, history: historyView, calibrate: calibrateView,
  });
  const sound = new AlarmSound();
  app.sound = sound;
  app.frame = new Frame(app);
  app.rebuild();
  app.stream = new Stream({
    onView: (view) => {
      app.show(view);
      sound.follow(view);
      keepAwake(view);
    },
    onStrip: (points) => app.strip(points),
    onCalibration: (calibration) => app.hearCalibration(calibration),
    onRefused: () => sayWhyRefused(app),
    onStale: (second) => {
      app.stale(second);
      const session = app.view?.session;
      if (second !== null && session && second % STALE_SOUND_EVERY_S === 1 && sound.isReady) {
        sound.play("medium");
      }
    },
  });
  app.stream.start();
  window.addEventListener("contextmenu", (event) => event.preventDefault()); // a long touch
  window.addEventListener("unhandledrejection", (event) => app.fail("act", event.reason));
  window.micropen = { app, sound }; // for the browser's own console, and for tests
}

start();
