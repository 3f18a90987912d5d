/* What is asked once more before it is done: prime, swap, purge, close. */

import { actButton } from "../app.js";
import { button, el, say } from "../dom.js";
import { nl, number, units } from "../format.js";
import { t } from "../texts.js";

const CURRENT = "/api/sessions/current";

/** A panel that asks once more: `lines` say what will happen, `acts` do it. */
function ask(app, title, lines, acts, show = () => {}) {
  const said = el("p", { class: "bad-text", role: "status" });
  const element = el("div", { class: "stack ask" },
    el("h1", { tabindex: "-1" }, title),
    ...lines.map((line, index) => el("p", index ? {} : { class: "first" }, line)),
    said,
    el("div", { class: "row" }, ...acts, button(t("do.cancel"), () => app.closePanel(), { class: "grow" })));
  app.panel({
    element,
    title,
    show: (view) => {
      for (const act of acts) act.follow();
      show(view, said);
    },
  });
}

/** A button that does an act and closes the panel. */
function doing(app, act, text, body = {}, attributes = { class: "main grow" }) {
  return actButton(app, act, text, async () => {
    if (await app.act(act, `${CURRENT}/${act}`, body)) app.closePanel();
  }, attributes);
}

/** Off the skin only: an act that pushes fluid is refused while the pen touches. */
function offSkin(node, view, said) {
  const touches = Boolean(view.pen?.flags.contact);
  if (touches) node.disabled = true;
  say(said, touches ? t("prime.contact") : "");
}

export function askPrime(app) {
  const go = doing(app, "prime", t("prime.yes"));
  ask(app, t("prime.title"), [t("prime.what"), t("prime.how")], [go], (view, said) => offSkin(go, view, said));
}

/** Arm for the next zone. The first arm of a session asks once more who sits there and how many
    units it will be; the next ones, and going on, take one touch. */
export function askOrArm(app) {
  const { session } = app.view;
  const isFirst = session.zones.every((zone) => zone.punctures === 0);
  if (!isFirst || app.needsLogin("treat")) return app.act("treat", `${CURRENT}/treat`);
  const sum = (key) => session.zones.reduce((all, zone) => all + (zone[key] ?? 0), 0);
  const { unit } = session.zones[0];
  const all = [
    t("limits.total", { punctures: number(sum("planned_punctures")) }),
    sum("planned_nl") ? nl(sum("planned_nl")) : "",
    unit ? units(sum("planned_units"), unit) : "",
  ];
  const go = doing(app, "treat", t("arm.yes"));
  return ask(app, t("arm.title", { patient: session.patient }), [all.filter(Boolean).join(" · "), t("arm.how")], [go]);
}

export function askClose(app) {
  const { session } = app.view;
  const open = session.zones.filter((zone) => !zone.is_complete);
  const lines = session.zones.map((zone) => t("close.zone", {
    zone: zone.title, punctures: number(zone.punctures), planned: number(zone.planned_punctures),
    volume: [zone.planned_nl ? nl(zone.certain_nl) : "", units(zone.certain_units, zone.unit)].filter(Boolean).join(" · "),
  }));
  const go = actButton(app, "close", t("close.yes"), async () => {
    if (!(await app.act("close", `${CURRENT}/close`))) return;
    app.closePanel();
    app.go("history", session.id);
  }, { class: "main grow" });
  const first = open.length ? t("close.incomplete", { count: open.length }) : t("close.complete");
  ask(app, t("close.title"), [first, ...lines], [go]);
}

/** Swap or purge: the first touch chooses, the second does it. */
export function askSyringe(app) {
  const { syringe } = app.view.session;
  const choices = el("div", { class: "stack" },
    el("h2", {}, t("syringe.left", { left: nl(syringe.left_nl), fill: nl(syringe.fill_nl) })),
    choice(t("swap.title"), t("swap.what"), () => askSwap(app, syringe)),
    choice(t("purge.title"), t("purge.what"), () => askPurge(app, syringe)),
    button(t("do.cancel"), () => app.closePanel()));
  app.panel({ element: choices, title: t("syringe.open") });
}

function choice(title, what, act) {
  const node = button(title, act, { class: "choice" });
  node.append(el("small", {}, what));
  return node;
}

function askSwap(app, syringe) {
  const go = doing(app, "swap", t("swap.yes", { fill: nl(syringe.fill_nl) }));
  ask(app, t("swap.title"), [t("swap.rest", { left: nl(syringe.left_nl) }), t("swap.then")], [go]);
}

/** What prime needs is what fills a cartridge; a few times that clears air, or all of it. */
function askPurge(app, syringe) {
  const volumes = [5000, 20000, Math.floor(syringe.left_nl)].filter((each) => each > 0 && each <= syringe.left_nl);
  const acts = [...new Set(volumes)].map((volume) => doing(app, "purge", t("purge.yes", { volume: nl(volume) }), { volume_nl: volume }));
  ask(app, t("purge.title"), [t("purge.how")], acts, (view, said) => {
    for (const act of acts) offSkin(act, view, said);
  });
}
