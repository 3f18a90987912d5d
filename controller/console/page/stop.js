/* STOP. It works when everything else of this page is broken: it imports nothing, knows no login
   and no state, and is a classic script that the browser loads first.

   A touch is sent at pointerdown, not at its end. What failed to leave is sent again at once, and
   what got no answer after 2 s, because the controller answers within 1.5 s; to stop twice harms
   nobody. The milliseconds that it shows are from the touch to the answer, which the controller
   gives when the pen has confirmed. `keepalive` lets the request leave even when the page is being left. */
(function () {
  "use strict";
  const SILENT_MS = 2000;
  const AGAIN_MS = 250; // engineering estimate
  const GIVE_UP_MS = 30000; // engineering estimate
  const WORDS = {
    en: {
      sent: "sent …",
      confirmed: "confirmed: ",
      waiting: "sent, not confirmed by the pen",
      failed: "NOT SENT: use the pen's own switch",
    },
    de: {
      sent: "gesendet …",
      confirmed: "bestätigt: ",
      waiting: "gesendet, vom Stift nicht bestätigt",
      failed: "NICHT GESENDET: Schalter am Stift",
    },
  };
  let button = null;
  let said = null;
  let press = 0;
  let touchedAt = -Infinity;
  let pressedAt = 0;

  function words() {
    return WORDS[document.documentElement.lang] || WORDS.en;
  }

  function say(text, state) {
    if (!button || !said) return;
    said.textContent = text;
    button.dataset.state = state;
  }

  function answered(mine, answer) {
    if (mine !== press) return;
    press += 1;
    const isConfirmed = answer && typeof answer.latency_ms === "number";
    if (isConfirmed) say(words().confirmed + Math.round(performance.now() - pressedAt) + " ms", "confirmed");
    else say(words().waiting, "waiting");
  }

  function send(mine, until) {
    let waits = true;
    function again(after_ms) {
      setTimeout(function () {
        if (mine === press && performance.now() < until) send(mine, until);
      }, after_ms);
    }
    function failed() {
      if (!waits || mine !== press) return;
      waits = false;
      say(words().failed, "failed");
      again(AGAIN_MS);
    }
    setTimeout(failed, SILENT_MS);
    fetch("/api/stop", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Micropen": "1" },
      body: "{}",
      keepalive: true,
      cache: "no-store",
      credentials: "same-origin",
    }).then(function (response) {
      if (!response.ok) throw new Error(String(response.status));
      waits = false;
      return response.json().catch(function () { return null; });
    }).then(function (answer) { answered(mine, answer); }).catch(failed);
  }

  function stop(event) {
    press += 1;
    pressedAt = event.timeStamp; // when the screen was touched, by the clock of performance.now()
    say(words().sent, "sent");
    send(press, performance.now() + GIVE_UP_MS);
  }

  function isText(target) {
    if (!(target instanceof Element)) return false;
    return target.isContentEditable || target.matches("input, textarea, select");
  }

  window.addEventListener("keydown", function (event) {
    const isKey = event.key === " " || event.key === "s" || event.key === "S";
    if (!isKey || event.ctrlKey || event.altKey || event.metaKey || isText(event.target)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!event.repeat) stop(event);
  }, true);

  // A key that was STOP must not press the button that has the focus when it is let go.
  window.addEventListener("keyup", function (event) {
    if (event.key === " " && !isText(event.target)) event.preventDefault();
  }, true);

  document.addEventListener("DOMContentLoaded", function () {
    button = document.getElementById("stop");
    said = document.getElementById("stop-said");
    button.addEventListener("pointerdown", function (event) {
      if (event.button !== 0) return;
      touchedAt = performance.now();
      stop(event);
    });
    // What has no pointer, a screen reader or Enter, arrives as a click alone.
    button.addEventListener("click", function (event) {
      if (performance.now() - touchedAt > 1000) stop(event);
    });
  });
})();
