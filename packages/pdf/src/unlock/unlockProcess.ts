import { serveTasks } from '../pool/serve';
import { unlockPdf } from './unlock';

/** What the process is asked to do: see unlockPdf, whose result it answers with. */
export interface UnlockRequest {
  source: string;
  password: string;
  target: string;
}

/** The program of a process of a ParserPool that takes passwords off. */
serveTasks((request) => {
  const { source, password, target } = request as UnlockRequest;
  return unlockPdf(source, password, target);
});
