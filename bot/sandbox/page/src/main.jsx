import { createRoot } from 'react-dom/client'
import { App } from './app.jsx'
import 'slack-blocks-to-jsx/dist/style.css'
import './style/base.css'
import './style/layout.css'
import './style/sidebar.css'
import './style/messages.css'
import './style/blocks.css'
import './style/forms.css'
import './style/terminal.css'
import './style/first_minute.css'
import './style/phone.css'

createRoot(document.getElementById('root')).render(<App />)
