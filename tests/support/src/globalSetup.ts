import { prepareTemplate } from './testDatabase';

/** Runs once before all tests, in jest's own process. */
export default prepareTemplate;
