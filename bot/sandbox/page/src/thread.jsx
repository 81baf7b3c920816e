// The pane of one thread.
import { Composer } from './composer.jsx'
import { inThreadOf } from './conversation.js'
import { useHere } from './here.js'
import { MessageList } from './message_list.jsx'
import { PaneHead } from './pane_head.jsx'
import { channelName } from './names.js'

export function Thread({ channel, ts, back, close, wanted }) {
  const { state, me, speak } = useHere()
  return (
    <aside className="pane thread" aria-label="Thread">
      <PaneHead title="Thread" note={channel.startsWith('D') ? '' : `#${channelName(state, channel)}`} back={back} close={close} closeLabel="Close the thread" />
      <MessageList key={`${me} ${ts}`} label="Thread messages" messages={inThreadOf(state, me, channel, ts)} threaded wanted={wanted} />
      <Composer
        key={ts}
        label="Reply"
        placeholder="Reply…"
        commands={[]}
        history="replied"
        send={(words) => speak(channel, words, ts)}
        atOnce={!back}
      />
    </aside>
  )
}
