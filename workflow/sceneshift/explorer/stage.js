// The photo on the page: before and after under a line, whole or pixel by pixel.

const PREVIEW_PIXELS = 1.6e6; // of the whole photo: a strength must be drawn while the slider moves
const TINT = [24, 104, 132];

class Stage {
  constructor(page) {
    Object.assign(this, { page, photo: null, edit: null, strength: 1, close: false, showsChange: false, left: 0, top: 0 });
    page.split.addEventListener("input", () => page.stage.style.setProperty("--at", `${page.split.value}%`));
    let from = null; // where the pointer that moves the photo was last
    page.stage.addEventListener("pointerdown", (event) => (from = event.target === page.split ? null : event));
    page.stage.addEventListener("pointermove", (event) => {
      if (!this.close || !event.buttons || !from) return;
      this.move(from.clientX - event.clientX, from.clientY - event.clientY);
      from = event;
    });
    page.stage.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!this.close || !step || event.target !== page.stage) return;
      event.preventDefault();
      this.move(60 * step[0], 60 * step[1]);
    });
    new ResizeObserver(() => this.photo && this.show()).observe(page.stage.parentElement);
  }

  /** Show another photo, not yet edited. */
  take(photo) {
    this.photo?.close();
    Object.assign(this, { photo, edit: null });
    this.page.stage.style.setProperty("--ratio", photo.width / photo.height);
    this.lookClosely(false);
  }

  /** Show another edit of the photo. */
  takeEdit(edit) {
    this.edit = edit;
    this.show();
  }

  lookClosely(close) {
    const { clientWidth, clientHeight } = this.page.stage;
    this.close = close;
    this.left = (this.photo.width - clientWidth * devicePixelRatio) / 2;
    this.top = (this.photo.height - clientHeight * devicePixelRatio) / 2;
    this.page.stage.classList.toggle("close", close);
    this.page.stage.tabIndex = close ? 0 : -1;
    this.show();
  }

  move(right, down) {
    this.left += right * devicePixelRatio;
    this.top += down * devicePixelRatio;
    this.show();
  }

  /** The part of the photo in view, and the pixels that it is drawn with. */
  view() {
    const { photo, page: { stage } } = this, wide = stage.clientWidth, high = stage.clientHeight;
    const density = this.close ? devicePixelRatio : Math.min(devicePixelRatio, Math.sqrt(PREVIEW_PIXELS / (wide * high)));
    const columns = Math.max(1, Math.min(photo.width, Math.round(wide * density)));
    const rows = Math.max(1, Math.min(photo.height, Math.round(high * density)));
    if (!this.close) return { view: { left: 0, top: 0, width: photo.width, height: photo.height }, columns, rows };
    this.left = Math.round(Math.max(0, Math.min(this.left, photo.width - columns)));
    this.top = Math.round(Math.max(0, Math.min(this.top, photo.height - rows)));
    return { view: { left: this.left, top: this.top, width: columns, height: rows }, columns, rows };
  }

  show() {
    const { view, columns, rows } = this.view(), { before, after, stage } = this.page;
    this.pixels = this.photo.pixels(before, view, columns, rows);
    stage.classList.toggle("edited", this.edit !== null);
    if (!this.edit) return;
    this.maps = viewMaps(this.edit, this.pixels, view, columns, rows);
    Object.assign(after, { width: columns, height: rows });
    this.draw();
  }

  /** Draw the edit at the strength, at most once a frame. */
  draw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (!this.edit) return;
      let pixels = edited(this.pixels, this.maps, this.strength);
      if (this.showsChange) pixels = changed(this.pixels, pixels, TINT);
      const { after } = this.page;
      after.getContext("2d", { alpha: false }).putImageData(new ImageData(pixels, after.width), 0, 0);
    });
  }
}
