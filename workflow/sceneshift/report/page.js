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
