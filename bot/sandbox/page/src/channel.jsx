// The pane of a channel or of the direct message with the app.
import { Composer } from './composer.jsx'
import { inChannel } from './conversation.js'
import { useHere } from './here.js'
import { Menu } from './menu.jsx'
import { MessageList } from './message_list.jsx'
import { PaneHead } from './pane_head.jsx'
import { channelName, directWithApp } from './names.js'
import { TurnedOff } from './turned_off.jsx'

export function Channel({ id, back, wanted }) {
  const { state, me, act, speak } = useHere()
  const direct = id === directWithApp(me)
  const name = direct ? state.app.name : `#${channelName(state, id)}`
  const members = state.channels.find((c) => c.id === id)?.members.length
  const globals = (state.app.shortcuts ?? []).filter((shortcut) => shortcut.type === 'global')
  const items = globals.map((shortcut) => ({
    name: shortcut.name,
    note: state.app.name,
    pick: () => act('shortcut', { callback_id: shortcut.callback_id }),
  }))
  return (
    <>
      <PaneHead title={direct ? name : `# ${name.slice(1)}`} note={direct ? 'App' : `${members} members`} back={back}>
        {items.length > 0 && <Menu label="Shortcuts" className="tool" items={items}>⚡</Menu>}
      </PaneHead>
      <MessageList key={`${me} ${id}`} label="Messages" messages={inChannel(state, me, id)} wanted={wanted} />
      {direct ? <TurnedOff /> : (
        <Composer
          key={`line ${me} ${id}`}
          label="Message or command"
          placeholder={`Message ${name}, or / for a command`}
          commands={state.app.commands}
          draft={`draft ${me} ${id}`}
          history="sent"
          send={(words) => speak(id, words)}
        />
      )}
    </>
  )
}
