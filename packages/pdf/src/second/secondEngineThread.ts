import { dirname, join } from 'node:path';
import { parentPort } from 'node:worker_threads';
import type { TextLine } from '../types';
import { type PlacedRun, runsToLines } from './runsToLines';
import type { SecondReading } from './secondEngine';

/** The program of the thread that reads pages with pdf.js. See SecondEngine. */
parentPort?.on('message', (pdf: Uint8Array) => {
  void answer(pdf);
});

async function answer(pdf: Uint8Array): Promise<void> {
  const reading: SecondReading = await read(pdf).catch(() => null);
  parentPort?.postMessage(reading);
}

async function read(pdf: Uint8Array): Promise<TextLine[]> {
  // pdf.js asks for this class when it is loaded, and uses it only to draw.
  Object.assign(globalThis, { DOMMatrix: class {} });
  const { getDocument, VerbosityLevel } = await import('pdfjs-dist/legacy/build/pdf.mjs');
  const folder = dirname(require.resolve('pdfjs-dist/package.json'));
  const loading = getDocument({
    data: new Uint8Array(pdf),
    cMapUrl: join(folder, 'cmaps/'),
    cMapPacked: true,
    standardFontDataUrl: join(folder, 'standard_fonts/'),
    disableFontFace: true,
    useSystemFonts: false,
    useWasm: false,
    isEvalSupported: false,
    verbosity: VerbosityLevel.ERRORS,
  });
  try {
    const page = await (await loading.promise).getPage(1);
    const { width, height, transform } = page.getViewport({ scale: 1 });
    const { items } = await page.getTextContent();
    const runs: PlacedRun[] = [];
    for (const item of items) {
      if ('str' in item) {
        runs.push({ text: item.str, endsLine: item.hasEOL, ...placeOf(item, transform) });
      }
    }
    return runsToLines(runs, { width, height });
  } finally {
    await loading.destroy();
  }
}

/** A run's place on the shown page, in points. */
function placeOf(
  item: { transform: number[]; width: number; height: number },
  shown: readonly number[],
): Pick<PlacedRun, 'x' | 'y' | 'alongX' | 'alongY' | 'size' | 'length'> {
  const [a = 1, b = 0, c = 0, d = 1, e = 0, f = 0] = shown;
  const [runA = 1, runB = 0, , , runE = 0, runF = 0] = item.transform;
  const x = a * runA + c * runB;
  const y = b * runA + d * runB;
  const size = Math.hypot(x, y);
  return {
    x: a * runE + c * runF + e,
    y: b * runE + d * runF + f,
    alongX: size > 0 ? x / size : 1,
    alongY: size > 0 ? y / size : 0,
    size: item.height > 0 ? item.height : size,
    length: item.width,
  };
}
