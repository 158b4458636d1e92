// What the page consists of: each part knows its own section of index.html.
import { startChannel } from './channel.js';
import { connect } from './connection.js';

const connection = connect();
startChannel(connection, 'channels/lobby');
