/** What `doctor` says about one thing. A fault keeps Millrace from working; a warning does not. */
export interface Finding {
  level: 'ok' | 'warning' | 'fault';
  text: string;
}

export const ok = (text: string): Finding => ({ level: 'ok', text });
export const warning = (text: string): Finding => ({ level: 'warning', text });
export const fault = (text: string): Finding => ({ level: 'fault', text });
