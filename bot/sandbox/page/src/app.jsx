// The page: who one is, where one is, and the panes that show it.
import { useEffect, useRef, useState } from 'react'
import { post } from './act.js'
import { Channel } from './channel.jsx'
import { linked, newest } from './conversation.js'
import { FirstMinute } from './first_minute.jsx'
import { approval, evidence, isWarning, sightsIn, terminalOf } from './first_minute_help.js'
import { focusLine, focusTerminal } from './focus.js'
import { Here } from './here.js'
import { Home } from './home.jsx'
import { useKept } from './kept.js'
import { Modal } from './modal.jsx'
import { asTyped, directWithApp } from './names.js'
import { places, Sidebar } from './sidebar.jsx'
import { Switcher } from './switcher.jsx'
import { Terminal } from './terminal.jsx'
import { Thread } from './thread.jsx'
import { useToast } from './toast.js'
import { TopBar } from './top_bar.jsx'
import { usePhone } from './use_phone.js'
import { useWorkspace } from './workspace.js'

export function App() {
  const { state, deeds } = useWorkspace()
  return state ? <Page state={state} deeds={deeds} /> : <p className="loading">Loading…</p>
}

function Page({ state, deeds }) {
  const [wishedMe, setMe] = useKept('me', '')
  const [wish, setWhere] = useKept('where', '')
  const [thread, setThread] = useState(null)
  const [wanted, setWanted] = useState('')
  const [terminal, setTerminal] = useState('')
  const [pane, setPane] = useState('main')
  const [switching, setSwitching] = useState(false)
  const [arrived, setArrived] = useState(null)
  const [sights, setSights] = useKept('sights', [])
  const [toast, say] = useToast()
  const phone = usePhone()
  const drafts = useRef({})
  const me = someone(state, wishedMe)
  const where = allowed(state, me, wish)
  const [read, setRead] = useRead(state, me, where)
  const groups = places(state, me, read)

  const act = async (path, body) => {
    const answer = await post(path, { user: me, ...body })
    if (!answer.ok) say(`Slack: ${body.command || 'that'} failed with the error “${answer.error}”`)
    return answer
  }
  const saw = (sight) => setSights((seen) => (seen.includes(sight) ? seen : [...seen, sight]))
  const go = (id) => {
    if (id === 'home') saw('home')
    setWhere(id)
    setThread(null)
    setWanted('')
    setPane('main')
  }
  const openThread = (message) => {
    setThread({ channel: message.channel, ts: message.thread_ts || message.ts })
    setPane('thread')
  }
  const visit = ({ channel, ts, thread: parent }) => {
    const message = state.messages.find((m) => m.channel === channel && m.ts === ts)
    const top = parent || message?.thread_ts || ''
    go(channel)
    setWanted(ts)
    if (top) openThread({ channel, ts: top })
  }
  const openTerminal = (id) => {
    setTerminal(id)
    setPane('terminal')
  }
  const openPlace = (item) => (item.terminal ? openTerminal(item.id) : go(item.id))
  const switchTo = (item) => {
    setSwitching(false)
    openPlace(item)
    setArrived({ terminal: item.terminal })
  }
  const become = (id) => {
    setMe(id)
    setThread(null)
    setWanted('')
  }
  const speak = (channel, words, thread_ts) => {
    if (!words.startsWith('/')) {
      act('message', { channel, text: asTyped(state, words), ...(thread_ts && { thread_ts }) })
      return true
    }
    if (thread_ts) {
      say('Slash commands can’t be used in threads')
      return false
    }
    const [command] = words.split(/\s/)
    if (!state.app.commands.includes(command)) {
      say(`${command} is not a valid command. In Slack, all messages that start with the "/" character are interpreted as commands.`)
      return false
    }
    act('command', { channel, command, text: words.slice(command.length).trim() })
    return true
  }
  const help = ({ as, terminal: whose, home, command, text, approve, evidence: reads }, asker) => {
    const user = as === 'asker' && asker ? asker : state.people.find((p) => p.name === (as === 'asker' ? 'alice' : as))?.id
    if (user) become(user)
    if (home) go('home')
    if (whose && terminalOf(state, whose)) openTerminal(terminalOf(state, whose))
    if (command) {
      const channel = someChannel(state, user, where)
      go(channel)
      act('command', { user, channel, command, text })
    }
    if (approve) {
      go(approval(state).channel)
      act('click', { user, ...approval(state) })
    }
    if (reads) openThread(evidence(state))
  }
  const skip = (event) => {
    event.preventDefault()
    setPane('main')
    setArrived({})
  }
  const closeThread = () => {
    setThread(null)
    setPane('main')
  }
  const closeTerminal = () => {
    setTerminal('')
    setPane('main')
  }

  useEffect(() => {
    const target = linked(location.href)
    if (target) visit(target)
  }, [])
  useEffect(() => {
    if (where === 'home') act('home', {})
  }, [where, me])
  useEffect(() => sightsIn(state, thread).forEach(saw), [state, thread])
  useEffect(() => {
    if (!phone && document.activeElement === document.body) focusLine()
  }, [])
  useEffect(() => {
    if (arrived) (arrived.terminal ? focusTerminal : focusLine)()
  }, [arrived])
  useKeys({
    search: () => setSwitching(true),
    escape: () => (thread ? closeThread() : terminal && closeTerminal()),
  })

  const shows = (name) => !phone || pane === name
  const back = phone ? () => setPane('list') : undefined
  const guide = <FirstMinute deeds={deeds} sights={sights} help={help} small={phone} />
  const here = { state, me, act, say, visit, openThread, speak }
  const view = state.modals[me]
  return (
    <Here.Provider value={here}>
      <div className={thread ? 'app with-thread' : 'app'}>
        <a className="skip" href="#line" onClick={skip}>Skip to the message line</a>
        <TopBar become={become} search={() => setSwitching(true)} />
        {shows('list') && (
          <Sidebar groups={groups} current={where} terminal={terminal} open={openPlace}>{!phone && guide}</Sidebar>
        )}
        <div className="middle" hidden={phone && !['main', 'terminal'].includes(pane)}>
          {phone && pane === 'main' && guide}
          {shows('main') && (
            <main className="pane" tabIndex={-1}>
              {where === 'home' ? <Home back={back} /> : <Channel id={where} back={back} wanted={wanted} />}
            </main>
          )}
          {terminal && shows('terminal') && (
            <Terminal
              terminals={state.terminals ?? []}
              chosen={terminal}
              choose={setTerminal}
              read={(text) => isWarning(text) && saw('warning')}
              back={back}
              close={closeTerminal}
            />
          )}
        </div>
        {thread && shows('thread') && (
          <Thread {...thread} wanted={wanted} back={phone ? () => setPane('main') : undefined} close={closeThread} />
        )}
      </div>
      <p className="toast" role="status">{toast}</p>
      {view && <Modal key={view.id} view={view} drafts={drafts} />}
      {switching && <Switcher groups={groups} go={switchTo} cancel={() => setSwitching(false)} />}
    </Here.Provider>
  )
}

// Who one wanted to be, if there is such a person; else the first one.
function someone(state, wish) {
  const people = state.people.filter((p) => !p.is_bot && !p.deleted).map((p) => p.id)
  return people.includes(wish) ? wish : people[0]
}

// A channel to say something in: where one is, if one may there.
function someChannel(state, person, where) {
  const theirs = state.channels.filter((c) => !c.person && c.members.includes(person)).map((c) => c.id)
  return theirs.includes(where) ? where : theirs[0]
}

// Where one wanted to be, if one may be there.
function allowed(state, me, wish) {
  const mine = state.channels.filter((c) => !c.person && c.members.includes(me)).map((c) => c.id)
  return ['home', directWithApp(me), ...mine].includes(wish) ? wish : (mine[0] ?? directWithApp(me))
}

// Up to where each person has read each channel; what was there before the page is read.
function useRead(state, me, where) {
  const [read, setRead] = useKept('read', {})
  const [start] = useState(() => String(Date.now() / 1000))
  const seen = newest(state, me, where)
  useEffect(() => setRead((before) => ({ ...before, [me]: { ...before[me], [where]: seen } })), [me, where, seen])
  const mine = Object.fromEntries([...state.channels.map((c) => c.id), directWithApp(me)].map((id) => [id, read[me]?.[id] ?? start]))
  return [mine, setRead]
}

function useKeys({ search, escape }) {
  const latest = useRef(null)
  latest.current = { search, escape }
  useEffect(() => {
    const key = (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault()
        latest.current.search()
      } else if (event.key === 'Escape' && !document.querySelector('dialog[open]')) latest.current.escape()
    }
    document.addEventListener('keydown', key)
    return () => document.removeEventListener('keydown', key)
  }, [])
}
