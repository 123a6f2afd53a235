"use strict";
/* Keys, the prefetched product and the dialogs of the review desk. Every key presses a button that is on the page, so
   what the keyboard can do the mouse can do. Without this file forms still work, one page load a decision. */
(() => {
  const GLANCE_MS = 400; // a product that was on the page for less has not been looked at
  const $ = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  document.documentElement.classList.add("script");
  document.body.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["x-csrf-token"] = $("meta[name=csrf]").content;
  });

  const stage = $("#stage");
  const search = $("#search");
  if (stage) review();
  const rule = $("#rule");
  if (rule) rules();

  /* One product after the other. */
  function review() {
    let line = Promise.resolve(); // decisions are sent one after the other, in the order they were made
    let unsent = 0;
    let waiting = false; // the last product is decided and the next one is not here yet
    let leaving = false; // the page goes to another by itself
    let undoing = false;
    let shownAt = -Infinity;

    // The second half of a double click lands on the next product, which nobody has looked at. Keys have no such clicks.
    document.addEventListener("click", (event) => {
      if (!event.detail || !stage.contains(event.target) || event.timeStamp - shownAt > GLANCE_MS) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    }, true);
    document.addEventListener("submit", (event) => {
      if (event.target.id !== "decide") return;
      event.preventDefault();
      if (waiting || leaving) return;
      if (search.open) search.close();
      const form = event.target;
      const fields = new URLSearchParams(new FormData(form, event.submitter));
      if (fields.get("wanted") === "choose" && !fields.has("to")) {
        trouble("Tick at least one label; where none is right, say “cannot tell”.");
        return;
      }
      const name = "“" + $("h1", stage).textContent.slice(0, 60) + "”";
      trouble("");
      waiting = true;
      if (upcoming()) show(upcoming());
      unsent += 1;
      line = line.then(() => send(fields, name)).finally(() => { unsent -= 1; });
    });

    async function send(fields, name) {
      if (leaving) return;
      const current = waiting ? null : $("article", stage);
      if (current) fields.append("held", current.dataset.product);
      for (let attempt = 0; ; attempt += 1) {
        let answer;
        try {
          answer = await fetch("/decide", { method: "POST", body: fields, headers: { "x-desk": "1" } });
        } catch {
          trouble("Not stored yet: the desk cannot be reached. Trying again …");
        }
        if (answer && answer.status === 503) trouble("Not stored yet: " + (await said(answer)).replace(/^Not stored: /, "") + ". Trying again …");
        if (answer && answer.status !== 503) return received(answer, name);
        // The ticket in the form makes it one decision, however often it is sent.
        await new Promise((done) => setTimeout(done, Math.min(500 * 2 ** attempt, 8000)));
      }
    }

    async function received(answer, name) {
      if (answer.status === 401) {
        const lost = unsent > 1 ? name + " and what was decided after it were" : name + " was";
        leave("/sign-in?next=" + encodeURIComponent(here("Not stored: " + lost + " decided after you had been signed out.")));
        return;
      }
      if (!answer.ok) {
        // By now the page shows another product: which one it is about must be said.
        const why = name + ": " + (await said(answer));
        $("#said").textContent = "";
        trouble(why);
        if (waiting) leave(here(why));
        return;
      }
      const told = await answer.json();
      trouble("");
      $("#said").textContent = told.said;
      const left = $("#left");
      if (!("many" in left.dataset)) left.textContent = Math.max(0, Number(left.textContent.replaceAll(",", "")) - told.stored).toLocaleString("en");
      $("#upcoming").innerHTML = told.upcoming || "";
      preload();
      // While another decision is under way, its answer will know what comes next.
      if (waiting && (upcoming() || unsent === 1)) show(upcoming() || $("#done").content);
    }

    async function said(answer) {
      try { return (await answer.json()).error; } catch { return "not stored, the desk answered with an error (" + answer.status + ")."; }
    }

    function upcoming() {
      const content = $("#upcoming").content;
      return content.childElementCount ? content : null;
    }

    function show(content) {
      const next = document.importNode(content, true);
      if (content === $("#upcoming").content) $("#upcoming").innerHTML = "";
      stage.replaceChildren(next);
      waiting = false;
      shownAt = performance.now();
      htmx.process(stage);
      const title = $("h1", stage);
      title.focus({ preventScroll: true });
      document.title = title.textContent + " · shelfwise";
      scrollTo(0, 0);
    }

    function preload() {
      const content = upcoming();
      if (content) all(".picture img", content).forEach((image) => { new Image().src = image.getAttribute("src"); });
    }

    /* This page's address, to be told something when it comes. */
    function here(text) {
      const query = new URLSearchParams($("#undo [name=query]").value);
      query.set("said", text);
      return "/review?" + query;
    }

    function leave(address) {
      leaving = true;
      location.assign(address);
    }

    // Undo asks the desk for the last decision, so that one must have arrived; twice would take back two.
    addEventListener("pageshow", () => { undoing = false; });
    $("#undo").addEventListener("submit", (event) => {
      if (undoing) event.preventDefault();
      if (undoing || !unsent) { undoing = true; return; }
      undoing = true;
      event.preventDefault();
      line.then(() => event.target.submit());
    });
    addEventListener("beforeunload", (event) => { if (unsent && !leaving) event.preventDefault(); });
    document.addEventListener("keydown", keys);
    document.addEventListener("click", (event) => {
      const opener = event.target.closest("[data-open], [data-zoom]");
      if (opener && opener.dataset.open) open(opener.dataset.open);
      if (opener && opener.dataset.zoom) zoom(opener);
      const taken = event.target.closest("#found [data-take]");
      if (taken && taken.type === "button") add(taken);
    });
    searching($("#query"), $("#found"));
    preload();
    const first = $("h1", stage);
    if (first) first.focus({ preventScroll: true });
  }

  function trouble(text) {
    const place = $("#trouble");
    place.textContent = text;
    place.hidden = !text;
  }

  function open(name) {
    $("#" + name).showModal();
    if (name !== "search") return;
    const field = $("#query");
    field.value = "";
    field.dispatchEvent(new Event("input", { bubbles: true })); // what was found for another product goes
    field.focus();
  }

  function zoom(button) {
    const large = $("#zoom img");
    large.src = button.dataset.zoom;
    large.alt = $("img", button).alt;
    $("#zoom").showModal();
  }

  function keys(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if ($("dialog[open]")) return;
    const typing = event.target.closest("input:not([type=checkbox]), select, textarea");
    if (typing) return;
    let key = event.key.toLowerCase();
    // Enter on a button or a link is that button's or link's own.
    if (key === "enter") key = event.target.closest("button, a, input") ? "" : "a";
    const target = key && all("[data-key]").find((one) => one.dataset.key === key && !one.closest("template"));
    if (!target || target.matches(":disabled") || event.repeat) return;
    event.preventDefault();
    target.click();
  }

  /* A field whose results can be walked through with the arrow keys. */
  function searching(field, results) {
    const options = () => all("[role=option]", results);
    const fresh = () => $("[data-asked]", results)?.dataset.asked === field.value;
    let hurried = false; // Enter came before what was typed had been looked up
    results.addEventListener("htmx:afterSwap", () => {
      mark(0);
      if (hurried && fresh()) take(options()[0]);
    });
    field.addEventListener("input", () => { hurried = false; });
    field.addEventListener("keydown", (event) => {
      const at = options().findIndex((one) => one.classList.contains("at"));
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        mark(at + (event.key === "ArrowDown" ? 1 : -1));
      } else if (event.key === "Enter") {
        event.preventDefault();
        if (fresh()) take(options()[at]); else hurried = true;
      }
    });
    function take(option) {
      hurried = false;
      if (option) option.click();
    }
    function mark(place) {
      const found = options();
      const at = Math.max(0, Math.min(place, found.length - 1));
      found.forEach((one, number) => {
        one.classList.toggle("at", number === at);
        one.setAttribute("aria-selected", String(number === at));
        one.id = results.id + "-" + number;
        if (number === at) one.scrollIntoView({ block: "nearest" });
      });
      // The focus stays in the field: this is how a screen reader knows which one is meant.
      field.setAttribute("aria-expanded", String(found.length > 0));
      if (found.length) field.setAttribute("aria-activedescendant", found[at].id);
      else field.removeAttribute("aria-activedescendant");
    }
  }

  /* A label found by search joins the ticks; one that is there already is ticked. */
  function add(button) {
    const ticks = $("#ticks");
    let box = all("input", ticks).find((one) => one.value === button.value);
    if (!box) {
      const label = document.createElement("label");
      label.className = "pick";
      box = document.createElement("input");
      Object.assign(box, { type: "checkbox", name: "to", value: button.value });
      const name = document.createElement("span");
      name.className = "name";
      name.textContent = button.dataset.take;
      label.append(box, name);
      ticks.append(label);
    }
    box.checked = true;
    search.close();
    box.focus();
  }

  /* The category of a new rule. */
  function rules() {
    searching($("#rule-query"), $("#rule-found"));
    $("#rule-found").addEventListener("click", (event) => {
      const taken = event.target.closest("[data-take]");
      if (!taken) return;
      $("#rule-to").value = taken.value;
      $("#rule-query").value = taken.dataset.take;
      $("#rule-found").replaceChildren();
      htmx.trigger(rule, "change");
    });
    $("#rule-query").addEventListener("input", () => { $("#rule-to").value = ""; });
  }
})();
