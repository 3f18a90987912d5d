/* What the parts of the page share: the newest view, where the person is, one panel, one notice,
   and the way to ask the controller for an act. */

import { get, post } from "./api.js";
import { el, fill } from "./dom.js";
import { Recent } from "./strip.js";
import { inTongue, t, word } from "./texts.js";

export class App {
  constructor(builders) {
    this.builders = builders;
    this.view = null;
    this.isStale = true;
    this.place = "prepare";
    this.recent = new Recent();
    this.draft = { step: "plan" };
    this.main = document.getElementById("main");
    this.panelRoom = document.getElementById("panel");
    this.notice = document.getElementById("notice");
    this.openPanel = null;
    this.cameFrom = null;
    this.broken = new Set();
    window.addEventListener("keydown", (event) => { if (event.key === "Escape") this.closePanel(); });
  }

  // --- showing ---------------------------------------------------------------------------------

  /** Build everything anew: at the start, and in another language. */
  rebuild() {
    this.closePanel();
    this.frame.build();
    this.go(this.place);
  }

  /** Show another place; `detail` is what it shall open with. */
  go(place, detail = null) {
    this.closePanel();
    this.place = place;
    this.current = this.builders[place](this, detail);
    fill(this.main, this.current.element);
    this.main.scrollTop = 0;
    this.refresh();
  }

  show(view) {
    const first = !this.view;
    const session = view.session;
    const opened = session && this.view && this.view.session?.id !== session.id;
    this.view = view;
    if (first && session && session.state !== "closed") this.go("treat");
    else if (opened && session.state === "ready" && this.place === "prepare") this.go("treat");
    else this.refresh();
  }

  /** Every part shows the newest view; one that fails takes no other with it. */
  refresh() {
    this.guard("frame", () => this.frame.show(this.view, this.isStale));
    if (!this.view) return;
    this.guard(this.place, () => this.current.show(this.view));
    if (this.openPanel) this.guard("panel", () => this.openPanel.show?.(this.view));
  }

  guard(part, task) {
    try {
      task();
      this.broken.delete(part);
    } catch (error) {
      if (!this.broken.has(part)) this.fail(part, error);
      this.broken.add(part);
    }
  }

  /** A part of the page met a defect of its own: say so, and go on with the others. */
  fail(part, error) {
    console.error(part, error);
    this.tell({ what: t("notice.broken", { part, error: String(error) }) });
  }

  strip(points) {
    this.recent.add(points);
    this.guard("strip", () => this.current?.strip?.());
  }

  hearCalibration(calibration) {
    this.calibration = calibration;
    this.guard("calibration", () => this.current?.calibration?.());
  }

  stale(second) {
    const before = this.isStale;
    this.isStale = second !== null;
    document.body.toggleAttribute("data-stale", this.isStale);
    this.frame.stale(second);
    if (before !== this.isStale) this.refresh();
  }

  // --- panel and notice ------------------------------------------------------------------------

  /** Lay a panel over the view: {element, show?(view), title}. STOP and places stay free. */
  panel(panel) {
    this.cameFrom ??= document.activeElement;
    this.openPanel = panel;
    fill(this.panelRoom, panel.element);
    this.panelRoom.setAttribute("aria-label", panel.title);
    this.panelRoom.hidden = false;
    this.main.inert = true;
    this.panelRoom.scrollTop = 0;
    const first = ["input", "h1[tabindex]", "button"].map((kind) => this.panelRoom.querySelector(kind)).find(Boolean);
    first?.focus({ preventScroll: true });
    if (this.view) this.guard("panel", () => panel.show?.(this.view));
  }

  closePanel() {
    this.openPanel = null;
    this.panelRoom.hidden = true;
    this.main.inert = false;
    fill(this.panelRoom);
    if (this.cameFrom?.isConnected) this.cameFrom.focus({ preventScroll: true });
    this.cameFrom = null;
  }

  /** Say why something was refused: what happened, its cause, what to do. */
  tell(refusal) {
    const what = refusal.what === "no-answer" ? t("notice.no_answer") : inTongue(refusal.what);
    const close = el("button", { type: "button", on: { click: () => { this.notice.hidden = true; } } }, t("do.close"));
    const number = refusal.number ? `E${refusal.number} ` : "";
    fill(
      this.notice,
      el("div", { class: "reads" },
        el("strong", {}, `${number}${what}`),
        ...[refusal.cause, refusal.action].filter(Boolean).map((line) => el("p", {}, inTongue(line)))),
      close,
    );
    this.notice.hidden = false;
  }

  // --- acts ------------------------------------------------------------------------------------

  /** Whether a button for `act` may be touched: it is possible, or a login would be asked first. */
  may(act) {
    if (!this.view || this.isStale) return false;
    return this.view.allowed.includes(act) || this.needsLogin(act);
  }

  needsLogin(act) {
    return !this.view?.login && !this.view?.allowed.includes(act);
  }

  /** Ask for an act; resolves to its answer, or null after a refusal that was told. */
  async act(act, path, body = {}) {
    if (this.needsLogin(act)) {
      const { loginPanel } = await import("./views/login.js");
      this.panel(loginPanel(this, t("login.first", { act: word("act", act) })));
      return null;
    }
    return this.ask(() => post(path, body));
  }

  /** Read something; resolves to null after a refusal that was told. */
  read(path) {
    return this.ask(() => get(path));
  }

  async ask(task) {
    try {
      const answer = await task();
      this.notice.hidden = true;
      if (this.view && answer?.seq > this.view.seq) this.show(answer); // acts answer with the view
      return answer ?? {};
    } catch (error) {
      this.tell(error);
      return null;
    }
  }
}

/** A button for an act. `follow()` after every view keeps it honest; it is dead while it works. */
export function actButton(app, act, text, run, attributes = {}) {
  let works = false;
  const node = el("button", { type: "button", ...attributes, "data-act": act }, text);
  node.follow = () => {
    const dead = works || !app.may(act);
    if (node.disabled !== dead) node.disabled = dead;
  };
  node.addEventListener("click", async () => {
    works = true;
    node.follow();
    try {
      await run();
    } finally {
      works = false;
      node.follow();
    }
  });
  node.follow();
  return node;
}
