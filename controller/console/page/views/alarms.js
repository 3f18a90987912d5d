/* Alarms, highest first: what happened, why, what to do; acknowledge, audio pause, log. */

import { actButton } from "../app.js";
import { button, change, el, fill, keep, say } from "../dom.js";
import { moment, time } from "../format.js";
import { RANKS, light } from "../frame.js";
import { inTongue, t, word } from "../texts.js";
import { clearButton } from "./checks_step.js";

const MOST_LINES = 100; // more is in the record, and nobody scrolls so far with gloves

export function alarmsView(app) {
  const list = el("ol", { class: "alarm-list" });
  const none = el("p", { class: "card" }, t("alarm.none"));
  const sound = el("p", { class: "quiet grow" });
  const pause = actButton(app, "pause_audio", t("alarm.pause_audio"), () => app.act("pause_audio", "/api/alarms/pause-audio"));
  const clear = clearButton(app);
  const log = el("tbody", {});
  const logCard = el("div", { class: "card", hidden: true },
    el("h2", {}, t("alarm.log")),
    el("table", { class: "alarm-log" }, el("caption", { class: "only-heard" }, t("alarm.log")), log));
  const test = button(t("alarm.test_sound"), () => app.sound.play("high"));
  const open = button(t("alarm.log"), () => showLog(app, log, logCard));
  const element = el("div", { class: "view" },
    el("h1", { class: "only-heard" }, t("place.alarms")),
    el("div", { class: "row spread" }, clear, open, pause),
    el("div", { class: "stack scroll grow" }, none, list, logCard, el("div", { class: "card row" }, sound, test)));
  const show = (view) => {
    const update = (node, alarm) => updateCard(app, node, alarm);
    keep(list, view.alarms, (alarm) => alarm.id, (alarm) => makeCard(app, alarm), update);
    change(none, "hidden", view.alarms.length > 0);
    say(sound, soundWords(app, view));
    pause.follow();
    clear.follow();
  };
  return { element, show };
}

function soundWords(app, view) {
  if (view.audio_paused_until_wall) return t("alarm.paused_until", { time: time(view.audio_paused_until_wall) });
  return app.sound?.isReady ? t("alarm.sound_on") : t("alarm.sound_asleep");
}

function makeCard(app, alarm) {
  const acknowledge = actButton(app, "acknowledge", t("alarm.acknowledge"),
    () => app.act("acknowledge", `/api/alarms/${encodeURIComponent(alarm.id)}/acknowledge`));
  const node = el("li", { class: "alarm alarm-card" },
    el("span", { class: "rank" }),
    el("div", { class: "reads" }, el("h2", {}), el("dl", {},
      el("dt", {}, t("alarm.cause")), el("dd", {}),
      el("dt", {}, t("alarm.action")), el("dd", {}),
      el("dt", {}, t("alarm.since")), el("dd", {}))),
    acknowledge);
  node.acknowledge = acknowledge;
  return node;
}

function updateCard(app, node, alarm) {
  light(node, alarm);
  say(node.querySelector(".rank"), RANKS[alarm.priority]);
  change(node.querySelector(".rank"), "aria-label", word("priority", alarm.priority));
  change(node.querySelector(".rank"), "role", "img");
  say(node.querySelector("h2"), inTongue(alarm.sentence));
  const [cause, action, since] = node.querySelectorAll("dd");
  say(cause, inTongue(alarm.cause));
  say(action, inTongue(alarm.action));
  const over = alarm.active ? "" : ` · ${t("alarm.over")}`;
  say(since, time(alarm.raised_wall) + over);
  change(node.acknowledge, "hidden", alarm.acknowledged);
  node.acknowledge.follow();
}

async function showLog(app, log, card) {
  const lines = await app.read("/api/alarms");
  if (!lines) return;
  change(card, "hidden", false);
  fill(log, ...lines.slice(0, MOST_LINES).map(logLine));
  card.scrollIntoView({ block: "start" });
}

/** One line of an alarm log: of the journal's, or of a session's sheet. */
export function logLine(alarm) {
  const seen = alarm.acknowledged_wall
    ? t("alarm.seen_by", { time: time(alarm.acknowledged_wall), person: alarm.acknowledged_by ?? "–" }) : "";
  return el("tr", {},
    el("td", {}, moment(alarm.raised_wall ?? alarm.wall)),
    el("td", {}, word("priority", alarm.priority)),
    el("td", {}, [inTongue(alarm.sentence), inTongue(alarm.cause), seen].filter(Boolean).join(" ")));
}
