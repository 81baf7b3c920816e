// The places of the workspace: channels, the app's messages and Home, terminals.
import { isUnread } from './conversation.js'
import { useHere } from './here.js'
import { directWithApp, keyOfTerminal } from './names.js'

// What can be opened, in order: [{heading, items: [{id, mark, name, unread, closed}]}].
export function places(state, me, read) {
  const item = (id, mark, name) => ({ id, mark, name, unread: id !== 'home' && isUnread(state, me, id, read[id]) })
  const mine = state.channels.filter((c) => !c.person && c.members.includes(me))
  const terminal = (t) => ({ id: keyOfTerminal(t), mark: '❯', name: `Terminal: ${t.user} on ${t.host}`, terminal: true, closed: !t.open })
  return [
    { heading: 'Channels', items: mine.map((c) => item(c.id, c.is_private ? '🔒' : '#', c.name)) },
    {
      heading: 'Apps',
      items: [item(directWithApp(me), '✉', state.app.name), item('home', '⌂', `${state.app.name} Home`)],
    },
    {
      heading: 'Terminals',
      items: (state.terminals ?? []).map(terminal),
    },
  ].filter((group) => group.items.length)
}

export function Sidebar({ groups, current, terminal, open, children }) {
  const { state } = useHere()
  return (
    <div className="pane sidebar">
      <header className="workspace">
        <h1>Sandbox</h1>
        <small className={state.app.connections ? 'connected' : ''}>
          {state.app.connections ? `${state.app.name} is connected` : `${state.app.name} is not connected`}
        </small>
      </header>
      <nav aria-label="Channels">
        {groups.map((group) => (
          <section key={group.heading}>
            <h3>{group.heading}</h3>
            {group.items.map((item) => (
              <button
                type="button"
                key={item.id}
                title={item.name}
                className={['place', item.unread && 'unread', item.closed && 'closed'].filter(Boolean).join(' ')}
                aria-current={item.id === (item.terminal ? terminal : current) ? 'page' : undefined}
                onClick={() => open(item)}
              >
                <span aria-hidden="true">{item.mark}</span>
                <span className="place-name">{item.name}</span>
                {item.closed && <small>closed</small>}
                {item.unread && <span className="dot" role="img" aria-label="unread" />}
              </button>
            ))}
          </section>
        ))}
      </nav>
      {children}
    </div>
  )
}
