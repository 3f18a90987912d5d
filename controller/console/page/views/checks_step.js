/* The checklist, which turns green by itself, and the self-test of STOP. */

import { actButton } from "../app.js";
import { change, el, keep, say } from "../dom.js";
import { moment, number } from "../format.js";
import { inTongue, t } from "../texts.js";
import { nextButton } from "./prepare.js";

const SIGNS = { true: "✓", false: "✗", null: "…" };

export function checksStep(app, steps) {
  const list = el("ul", { class: "checks" });
  const tested = el("p", { class: "grow" });
  const test = actButton(app, "self_test", t("test.start"), () => app.act("self_test", "/api/self-test"));
  const clear = clearButton(app);
  const end = actButton(app, "training", t("training.end"), () => app.act("training", "/api/training/end"));
  const element = el("div", { class: "stack grow" },
    el("div", { class: "stack scroll grow" }, list,
      el("div", { class: "card row" }, tested, clear, end, test)),
    el("div", { class: "foot" }, ...(steps.tabs && !app.view?.session ? [nextButton(steps)] : [])));
  const show = (view) => {
    keep(list, view.checklist, (check) => check.id, makeCheck, updateCheck);
    const { self_test: last } = view.stop;
    say(tested, last ? t("test.last", { ms: number(last.latency_ms, 1), when: moment(last.at_wall) }) : t("test.never"));
    test.follow();
    end.follow();
    change(end, "hidden", !view.simulated || !view.allowed.includes("training"));
    clear.follow();
  };
  return { element, show };
}

/** Takes a latched stop or fault back; shown only when there is one. It never arms. */
export function clearButton(app) {
  const node = actButton(app, "clear", t("do.clear"), () => app.act("clear", "/api/sessions/current/clear"));
  const { follow } = node;
  node.follow = () => {
    follow();
    const pen = app.view?.pen;
    change(node, "hidden", !(pen && (pen.flags.stop_latched || pen.fault)));
  };
  return node;
}

function makeCheck() {
  return el("li", { class: "check" },
    el("span", { class: "sign", "aria-hidden": "true" }), el("span", { class: "live what" }), el("span", { class: "todo" }));
}

function updateCheck(node, check) {
  const [sign, what, todo] = node.children;
  change(node, "data-ok", String(check.ok));
  say(sign, SIGNS[check.ok]);
  say(what, inTongue(check.sentence));
  say(todo, check.ok === true ? "" : inTongue(check.action));
}
