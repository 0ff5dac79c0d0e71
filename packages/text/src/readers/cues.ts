const time = String.raw`(?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3}`;
const times = new RegExp(String.raw`^\s*(${time}\s*-->\s*${time})(?=\s|$)`, 'u');
const voice = /<v(?:\.[^\s<>]*)?\s+([^\s<>][^<>]*)>/giu;
const style = /<\/?(?:b|i|u|s|c|v|font|ruby|rt|lang)\b[^<>]*>|<\d[\d:.]*>|\{\\[^{}]*\}/giu;

/** The times of a cue of subtitles (SubRip, WebVTT), without what follows them. Null for any other line. */
export function cueTimesOf(line: string): string | null {
  return times.exec(line)?.[1] ?? null;
}

/** A line of a subtitle without its styles. */
export function cueTextOf(line: string): string {
  return line.replace(voice, '$1: ').replace(style, '').trim();
}
