// What the page consists of: each part knows its own section of index.html.
import { startChannel } from './channel.js';
import { connect } from './connection.js';
import { startDigits } from './digits.js';
import { followByEvents } from './job-events.js';

const connection = connect();
startChannel(connection, 'channels/lobby');
startDigits(followByEvents(connection));
