const endOf = (uri) => uri.startsWith("data:image/jpeg") ? "jpg" : "png"; // of a picture's address
const nameOf = (...parts) => [document.querySelector("h1").textContent, ...parts].join(" ").trim().replace(/[^\p{L}\p{N}.]+/gu, "-");

// Before and after: the range input moves the line between both pictures. It works by mouse, touch and arrow keys.
for (const slider of document.querySelectorAll(".compare input")) {
  const show = () => slider.parentElement.style.setProperty("--at", slider.value + "%");
  slider.addEventListener("input", show);
  show();
}
// What changed, instead of after: one button for each group of photos.
for (const button of document.querySelectorAll("button[data-changes]")) {
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", on);
    const photos = document.getElementById(button.dataset.changes);
    photos.classList.toggle("changes", on);
    for (const tag of photos.querySelectorAll(".tag.right")) tag.textContent = on ? "what changed" : "after";
  });
}
// A picture opens large, with a link that saves it.
const large = document.getElementById("large");
for (const button of document.querySelectorAll("button.large")) {
  button.addEventListener("click", () => {
    const picture = button.firstElementChild, link = large.querySelector("a");
    link.href = button.dataset.whole ?? picture.src;
    large.querySelector(".scroll").replaceChildren(Object.assign(new Image(), { src: link.href, alt: picture.alt }));
    link.download = `${nameOf(button.closest(".numbered").id, picture.alt)}.${endOf(link.href)}`;
    large.showModal();
  });
}
// Every numbered figure and table can be saved: plots as SVG and PNG, photos as they are, tables as CSV.
const csvOf = (table) => [...table.rows].map((row) => [...row.cells].map((cell) => `"${cell.textContent.trim().replaceAll('"', '""').replaceAll("−", "-")}"`).join(",")).join("\r\n") + "\r\n";
const addressOf = (text, type) => URL.createObjectURL(new Blob([text], { type }));
function drawn(picture, then) { // a plot on white, at twice its size
  const canvas = document.createElement("canvas"), copy = new Image();
  copy.onload = () => {
    [canvas.width, canvas.height] = [2 * picture.width, 2 * picture.width * copy.naturalHeight / copy.naturalWidth];
    const context = canvas.getContext("2d");
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(copy, 0, 0, canvas.width, canvas.height);
    then(canvas.toDataURL("image/png"));
  };
  copy.src = picture.getAttribute("src");
}
// what: the link's text; file: its name; href: an address, or a function that makes one once it is asked for
function offer(caption, what, file, href) {
  const link = document.createElement("a");
  [link.textContent, link.download, link.href] = [what, file, typeof href === "string" ? href : "#"];
  link.setAttribute("aria-label", `Save ${file}`);
  if (typeof href !== "string") link.addEventListener("click", (event) => {
    event.preventDefault();
    href((made) => Object.assign(document.createElement("a"), { href: made, download: file }).click());
  });
  const list = caption.querySelector(".save") ?? caption.appendChild(Object.assign(document.createElement("span"), { className: "save" }));
  list.append(list.childNodes.length ? ", " : "Save: ", link);
}
for (const figure of document.querySelectorAll("figure.numbered")) {
  const caption = figure.querySelector(":scope > figcaption"), name = nameOf(figure.id);
  for (const table of figure.querySelectorAll("table")) offer(caption, "CSV", name + ".csv", (then) => then(addressOf(csvOf(table), "text/csv")));
  for (const plot of figure.querySelectorAll(".plot")) {
    offer(caption, "SVG", name + ".svg", plot.getAttribute("src"));
    offer(caption, "PNG", name + ".png", (then) => drawn(plot, then));
  }
  for (const picture of figure.querySelectorAll(".compare img")) {
    const own = picture.closest("figure").querySelector("figcaption"), what = picture.className || "before";
    offer(own, what, `${nameOf(figure.id, own.firstChild.textContent, what)}.${endOf(picture.src)}`, picture.src);
  }
}
// Texts to copy; where the clipboard is closed to pages, the text is selected.
for (const button of document.querySelectorAll("button[data-copies]")) {
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.copies);
    getSelection().selectAllChildren(text);
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "Copied";
    } catch { button.textContent = "Selected: copy it"; }
  });
}
// On paper tables and plots are open.
let closed = [];
addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("details:not([open])")].filter((one) => one.querySelector("table, img"));
  for (const one of closed) one.open = true;
});
addEventListener("afterprint", () => { for (const one of closed) one.open = false; });
