// Translators: their weights, when they are needed, and the thread that runs them.

const worker = new Worker(URL.createObjectURL(new Blob([document.getElementById("worker").textContent])));
const answers = new Map(); // ticket -> what to do with the thread's answer
const arrivals = new Map(); // translator's name -> what to do with its weights
const loading = new Map(); // translator's name -> a promise that the thread has it

worker.onmessage = ({ data }) => {
  answers.get(data.ticket)(data);
  answers.delete(data.ticket);
};

/** What the files in models/ call. */
function translatorWeights(name, base64) {
  arrivals.get(name)(base64);
}

/** Weights are in the page, or come by a script tag: from a folder on disk, fetch would not bring them. */
function load(name) {
  if (loading.has(name)) return loading.get(name);
  const arrival = new Promise((resolve, reject) => {
    const inside = document.getElementById(`weights-${name}`);
    arrivals.set(name, resolve);
    if (inside) return resolve(inside.textContent);
    const script = Object.assign(document.createElement("script"), { src: `models/${encodeURIComponent(name)}.js` });
    script.onerror = () => reject(new Error(`models/${name}.js cannot be loaded. It belongs beside this page.`));
    document.head.append(script);
  });
  loading.set(name, arrival.then((base64) => worker.postMessage({ name, base64 })));
  loading.get(name).catch(() => loading.delete(name)); // the next time it is tried again
  return loading.get(name);
}

/** The edit of a photo by a translator, as blend.js takes it. */
async function predict(photo, name, resolution) {
  await load(name);
  const { width, height } = photo, small = smallCopy(photo, resolution), ticket = answers.size + performance.now();
  const answer = await new Promise((resolve) => {
    answers.set(ticket, resolve);
    worker.postMessage({ ticket, name, small }, [small.data.buffer]);
  });
  if (answer.error) throw new Error(answer.error);
  return { ...answer, name, width, height };
}
