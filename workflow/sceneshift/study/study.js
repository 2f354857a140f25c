// One rater's way through a list of pairs. Answers stay in this browser until they are saved or sent.
const study = JSON.parse(document.getElementById("study").textContent);
const byId = (id) => document.getElementById(id);
const draw = (below) => crypto.getRandomValues(new Uint32Array(1))[0] % below;
const key = `study ${study.id}`;
const columns = ["rater", "list", "question", "left", "right", "winner", "editor", "photo", "left_dose", "right_dose", "expected", "seconds"];
let state = read() ?? begin();
let shownAt = 0;

function read() {
  try { return JSON.parse(localStorage.getItem(key)); } catch { return null; }
}
function keep() {
  try { localStorage.setItem(key, JSON.stringify(state)); } catch { /* private windows keep nothing: the rater starts over */ }
}
function begin() {
  const given = Number(new URLSearchParams(location.search).get("list") ?? NaN);  // index.html?list=3
  const list = Number.isInteger(given) && given >= 0 && given < study.lists.length ? given : draw(study.lists.length);
  return { rater: String(draw(2 ** 32)), list, rows: [], sent: false };
}
function show(id) {
  for (const section of document.querySelectorAll("section")) section.hidden = section.id !== id;
}
function next() {
  const trials = study.lists[state.list];
  if (state.rows.length >= trials.length) return finish();
  const trial = trials[state.rows.length];
  byId("question").textContent = trial.expected ? `To see that you are there: please choose the ${trial.expected} picture.` : trial.question;
  for (const side of ["left", "right"]) byId(side).src = `images/${trial[side]}`;
  byId("progress").textContent = `${state.rows.length + 1} of ${trials.length}`;
  show("trial");
  shownAt = performance.now();
}
function answer(winner) {
  if (byId("trial").hidden || performance.now() - shownAt < 300) return;  // a key held down
  const trial = study.lists[state.list][state.rows.length];
  const seconds = ((performance.now() - shownAt) / 1000).toFixed(2);
  state.rows.push({ ...trial, rater: state.rater, list: state.list, winner, seconds });
  keep();
  next();
}
function table() {
  const cell = (value) => (/[",\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : value);
  return [columns, ...state.rows.map((row) => columns.map((name) => cell(row[name])))].map((row) => row.join(",") + "\n").join("");
}
function save() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([table()], { type: "text/csv" }));
  link.download = `votes-${state.rater}.csv`;
  link.click();
}
async function finish() {
  show("end");
  const say = (text) => { byId("said").textContent = text; };
  if (!study.send_to) return say("Please save your answers and hand them over.");
  if (!state.sent) {
    say("Sending your answers …");
    try {
      const reply = await fetch(study.send_to, { method: "POST", body: table() });  // as text/plain, for which no browser asks first
      if (!reply.ok) throw new Error(reply.status);
      state.sent = true;
      keep();
    } catch {
      return say("Your answers could not be sent. Please save them as a file, or load this page again later.");
    }
  }
  say("Your answers have arrived.");
}
byId("begin").addEventListener("click", next);
byId("save").addEventListener("click", save);
for (const button of document.querySelectorAll("[data-winner]")) button.addEventListener("click", () => answer(button.dataset.winner));
for (const side of ["left", "right"]) byId(side).addEventListener("click", () => answer(side));
document.addEventListener("keydown", (event) => {
  const winner = { ArrowLeft: "left", ArrowRight: "right", "=": document.querySelector("[data-winner=equal]") && "equal" }[event.key];
  if (winner) answer(winner);
});
if (state.rows.length) next();
