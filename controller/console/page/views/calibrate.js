/* Calibrating: what is open with its guide, else what is due, what can be begun, certificates. */

import { el, fill } from "../dom.js";
import { idleView } from "./calibrate_idle.js";
import { openView } from "./calibrate_open.js";

export function calibrateView(app) {
  const view = new Calibrate(app);
  return { element: view.element, show: (now) => view.show(now), calibration: () => view.hear() };
}

class Calibrate {
  constructor(app) {
    this.app = app;
    this.element = el("div", { class: "view calibrate" });
    this.kind = null;
    this.part = null;
    this.load();
  }

  /** Due dates and certificates come by themselves only when asked for. */
  async load(isIssued = false) {
    const page = await this.app.read("/api/calibration");
    if (!page) return;
    this.page = page;
    this.app.calibration = { open: page.open, last: page.last };
    this.build();
    if (isIssued) this.element.querySelector(".list .card")?.scrollIntoView();
  }

  /** What is open changes by itself; once it is closed, something else is due. */
  hear() {
    if (!this.page) return;
    const kind = kindOf(this.app.calibration);
    if (kind === this.kind) this.show(this.app.view);
    else if (this.app.calibration.open) this.build();
    else {
      this.kind = kind;
      this.load();
    }
  }

  build() {
    const { calibration } = this.app;
    this.kind = kindOf(calibration);
    this.part = calibration.open ? openView(this.app) : idleView(this.app, this.page, (isIssued) => this.load(isIssued));
    fill(this.element, this.part.element);
    this.show(this.app.view);
  }

  show(view) {
    if (view) this.part?.show(view, this.app.calibration);
  }
}

function kindOf(calibration) {
  return calibration.open ? `open ${calibration.open.id}` : `closed ${calibration.last?.id ?? ""}`;
}
