import { loadPdfium, openPdf } from '@millrace/pdf';

/** The line of JSON that the reading program prints for each pass over its files. */
export interface Pass {
  pages: number;
  /** Since the start of the process for the first pass, and since the end of the previous pass for the others. */
  seconds: number;
  /** Processor time in all threads over the same time. */
  cpuSeconds: number;
  /** Peak resident memory of the process so far, in MiB. */
  peakMiB: number;
}

/**
 * The measured program. It reads all pages of the PDFs (text, and boxes of lines) and keeps nothing.
 * Its arguments are the number of passes and the files.
 */
async function main([passes = '1', ...files]: string[]): Promise<void> {
  let started = -process.uptime() * 1000 + performance.now();
  let cpu = 0;
  await loadPdfium();
  for (let pass = 0; pass < Number(passes); pass++) {
    let pages = 0;
    for (const path of files) {
      pages += await readAll(path);
    }
    const usage = process.resourceUsage();
    const cpuNow = (usage.userCPUTime + usage.systemCPUTime) / 1e6;
    const now = performance.now();
    const result: Pass = {
      pages,
      seconds: (now - started) / 1000,
      cpuSeconds: cpuNow - cpu,
      peakMiB: usage.maxRSS / 1024,
    };
    process.stdout.write(`${JSON.stringify(result)}\n`);
    started = now;
    cpu = cpuNow;
  }
}

async function readAll(path: string): Promise<number> {
  const file = await openPdf(path);
  try {
    for (let page = 1; page <= file.info.pageCount; page++) {
      file.readPage(page);
    }
    return file.info.pageCount;
  } finally {
    file.close();
  }
}

main(process.argv.slice(2)).catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
