// Before and after: the range input moves the line between both pictures. It works by mouse, touch and arrow keys.
for (const slider of document.querySelectorAll(".compare input")) {
  const show = () => slider.parentElement.style.setProperty("--at", slider.value + "%");
  slider.addEventListener("input", show);
  show();
}
// Masks: one button an edit.
for (const button of document.querySelectorAll("button[data-masks]")) {
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", on);
    document.getElementById(button.dataset.masks).classList.toggle("masks", on);
  });
}
