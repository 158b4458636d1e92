// What the page consists of: each part knows its own section of index.html.
import { startDigits } from './digits.js';
import { followByAsking } from './jobs.js';

startDigits(followByAsking);
