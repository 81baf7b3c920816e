// The pane of one thread.
import { Composer } from './composer.jsx'
import { inThreadOf } from './conversation.js'
import { useHere } from './here.js'
import { MessageList } from './message_list.jsx'
import { PaneHead } from './pane_head.jsx'
import { channelName, directWithApp } from './names.js'
import { TurnedOff } from './turned_off.jsx'

export function Thread({ channel, ts, back, close, wanted }) {
  const { state, me, speak } = useHere()
  const direct = channel === directWithApp(me)
  return (
    <aside className="pane thread" aria-label="Thread">
      <PaneHead title="Thread" note={direct ? '' : `#${channelName(state, channel)}`} back={back} close={close} closeLabel="Close the thread" />
      <MessageList key={`${me} ${ts}`} label="Thread messages" messages={inThreadOf(state, me, channel, ts)} threaded wanted={wanted} />
      {direct ? <TurnedOff /> : (
        <Composer
          key={`line ${ts}`}
          label="Reply"
          placeholder="Reply…"
          commands={[]}
          draft={`draft ${me} ${channel} ${ts}`}
          history="replied"
          send={(words) => speak(channel, words, ts)}
          atOnce={!back}
        />
      )}
    </aside>
  )
}
