import type { Pdfium } from './pdfium';
import type { Pointer } from './pdfiumExports';

/** Values of FPDF_TEXT_RENDERMODE (fpdf_edit.h). */
const stroke = 1;
const fillAndStroke = 2;
const invisible = 3;
const strokeAndClip = 5;
/** A clip with more segments than this is not looked at: its box says little. */
const maxSegments = 100;

/** A box in the coordinates of the object. */
interface Box {
  left: number;
  bottom: number;
  right: number;
  top: number;
}

/** True when the text object is not painted: its mode is "invisible", it is fully transparent, or it is outside of its clip. */
export function isHidden(pdfium: Pdfium, object: Pointer): boolean {
  const mode = pdfium.fpdf.FPDFTextObj_GetTextRenderMode(object);
  return mode === invisible || isTransparent(pdfium, object, mode) || isClippedAway(pdfium, object);
}

function isTransparent({ fpdf, scratch: at, memory }: Pdfium, object: Pointer, mode: number): boolean {
  const alpha = at + 12;
  const isFilled = mode !== stroke && mode !== strokeAndClip;
  if (isFilled && (fpdf.FPDFPageObj_GetFillColor(object, at, at + 4, at + 8, alpha) === 0 || memory.u8[alpha] !== 0)) {
    return false;
  }
  const isStroked = mode === stroke || mode === fillAndStroke || mode === strokeAndClip;
  return !(
    isStroked &&
    (fpdf.FPDFPageObj_GetStrokeColor(object, at, at + 4, at + 8, alpha) === 0 || memory.u8[alpha] !== 0)
  );
}

/** Most text has no clip. Where it has one, the box of the clip must not meet the box of the text. */
function isClippedAway(pdfium: Pdfium, object: Pointer): boolean {
  const { fpdf, scratch: at } = pdfium;
  const clip = fpdf.FPDFPageObj_GetClipPath(object);
  const paths = clip === 0 ? 0 : fpdf.FPDFClipPath_CountPaths(clip);
  if (paths <= 0 || fpdf.FPDFPageObj_GetBounds(object, at, at + 4, at + 8, at + 12) === 0) {
    return false;
  }
  const [left = 0, bottom = 0, right = 0, top = 0] = pdfium.memory.f32.subarray(at / 4, at / 4 + 4);
  for (let path = 0; path < paths; path++) {
    const box = clipBox(pdfium, clip, path);
    if (box !== null && (box.left >= right || box.right <= left || box.bottom >= top || box.top <= bottom)) {
      return true;
    }
  }
  return false;
}

function clipBox({ fpdf, scratch: at, memory }: Pdfium, clip: Pointer, path: number): Box | null {
  const count = fpdf.FPDFClipPath_CountPathSegments(clip, path);
  if (count <= 0 || count > maxSegments) {
    return null;
  }
  const box = {
    left: Number.POSITIVE_INFINITY,
    bottom: Number.POSITIVE_INFINITY,
    right: Number.NEGATIVE_INFINITY,
    top: Number.NEGATIVE_INFINITY,
  };
  for (let index = 0; index < count; index++) {
    const segment = fpdf.FPDFClipPath_GetPathSegment(clip, path, index);
    if (segment === 0 || fpdf.FPDFPathSegment_GetPoint(segment, at, at + 4) === 0) {
      return null;
    }
    const x = memory.f32[at / 4] as number;
    const y = memory.f32[at / 4 + 1] as number;
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x);
    box.bottom = Math.min(box.bottom, y);
    box.top = Math.max(box.top, y);
  }
  return box;
}
