// Words of an app, drawn by the renderer as rich text.
import { mrkdwn, plain } from './mrkdwn.js'
import { Rendered } from './rendered.jsx'

export const Rich = ({ parts }) => <Rendered block={{ type: 'rich_text', elements: parts }} />

// A text object: mrkdwn or plain_text.
export const Text = ({ text }) => <Rich parts={text.type === 'mrkdwn' ? mrkdwn(text.text) : plain(text.text, text.emoji !== false)} />
