// What the page's controls do.

const page = Object.fromEntries([...document.querySelectorAll("[id]")].map((element) => [element.id, element]));
const stage = new Stage(page);
// Of the photo shown; edits: translator's name -> promise. turn: how many photos were asked for. saving: a promise.
const state = { name: "", type: "", note: "", edits: new Map(), turn: 0, saving: null };

const chosen = () => document.querySelector("input[name=edit]:checked");

function say(text, wrong = false) {
  page.status.textContent = text;
  page.status.classList.toggle("wrong", wrong);
}

/** Open a photo, a file or an <img>, and edit it; what is shown stays if it cannot be opened. */
async function open(source, name, credit = "") {
  const turn = ++state.turn;
  say(`Reading ${name} …`);
  let photo, cmyk;
  try {
    [photo, cmyk] = await Promise.all([openPhoto(source, name), isCmyk(source)]);
    await state.saving; // which needs the photo of before
  } catch (error) {
    return turn === state.turn && say(error.message, true);
  }
  if (turn !== state.turn) return photo.close(); // another one was asked for meanwhile
  const note = cmyk ? " It is a CMYK file, for printing: its colors are as this browser converts them." : "";
  Object.assign(state, { name, note, type: source.type === "image/png" ? "image/png" : "image/jpeg", edits: new Map() });
  document.body.classList.add("has-photo");
  page.before.setAttribute("aria-label", name);
  page.credit.textContent = credit;
  setPressed(page.close, false);
  stage.take(photo);
  await edit();
}

/** Edit the photo shown by the translator chosen. */
async function edit() {
  const radio = chosen(), { photo } = stage, { edits } = state, begin = performance.now();
  for (const card of document.querySelectorAll(".card")) card.hidden = card.dataset.name !== radio?.value;
  if (!radio || !photo) return;
  say("Editing …");
  page.download.disabled = true; // until this edit is what is shown
  try {
    if (!edits.has(radio.value)) edits.set(radio.value, predict(photo, radio.value, Number(radio.dataset.resolution)));
    const made = await edits.get(radio.value);
    if (stage.photo !== photo || chosen() !== radio) return; // another one was chosen meanwhile
    stage.takeEdit(made);
    page.download.disabled = false;
    const seconds = ((performance.now() - begin) / 1000).toFixed(1);
    say(`Edited at its full size, ${photo.width} × ${photo.height}, in ${seconds} s.${state.note}`);
  } catch (error) {
    edits.delete(radio.value);
    if (stage.photo === photo && chosen() === radio) say(error.message, true);
  }
}

async function download() {
  const { photo, edit, strength } = stage, name = state.name.replace(/\.[^.]*$/, "");
  say("Saving …");
  page.download.disabled = true;
  try {
    const file = await editedFile(photo, edit, strength, state.type);
    const link = Object.assign(document.createElement("a"), {
      href: URL.createObjectURL(file),
      download: `${name}-${edit.name}.${file.type === "image/png" ? "png" : "jpg"}`,
    });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    say(`Saved ${link.download}, ${photo.width} × ${photo.height}, ${(file.size / 1e6).toFixed(1)} MB.`);
  } catch (error) {
    say(`The photo could not be saved: ${error.message}`, true);
  } finally {
    page.download.disabled = stage.edit?.name !== chosen().value;
  }
}

function setStrength() {
  stage.strength = Number(page.strength.value);
  page.dose.value = { 0: "0, the photo", 1: "1, as trained" }[stage.strength] ?? stage.strength.toFixed(2);
  stage.draw();
}

function setPressed(button, pressed) {
  button.setAttribute("aria-pressed", pressed);
  return pressed;
}

function onToggle(button, use) {
  button.addEventListener("click", () => use(setPressed(button, button.getAttribute("aria-pressed") !== "true")));
}

for (const radio of document.querySelectorAll("input[name=edit]")) radio.addEventListener("change", edit);
for (const example of document.querySelectorAll("#examples img"))
  example.parentElement.addEventListener("click", () => open(example, example.alt, example.dataset.credit));
page.strength.addEventListener("input", setStrength);
page.file.addEventListener("change", () => page.file.files[0] && open(page.file.files[0], page.file.files[0].name));
page.download.addEventListener("click", () => (state.saving = download()));
onToggle(page.close, (close) => stage.lookClosely(close));
onToggle(page.change, (shows) => {
  stage.showsChange = shows;
  page.right.textContent = shows ? "what changed" : "after";
  stage.draw();
});
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dragging");
});
addEventListener("dragleave", (event) => event.relatedTarget || document.body.classList.remove("dragging"));
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dragging");
  const [file] = event.dataTransfer.files;
  if (file) open(file, file.name);
});
addEventListener("paste", (event) => {
  const [file] = event.clipboardData.files;
  if (file) open(file, file.name);
});

setStrength();
edit();
document.querySelector("#examples button")?.click();
