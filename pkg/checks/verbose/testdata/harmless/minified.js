media: application/javascript
facts:
kinds:
---
!function(e,t){"object"==typeof exports?module.exports=t():e.App=t()}(this,function(){"use strict";var n=/(?:\w+\d)\b/g,r=/^[a-z]:\\(?:x)/i,o="\n\tat ",i={internal:1,local:2};function a(e){try{return JSON.parse(e)}catch(t){throw new Error("Unexpected token at "+t.stack.split("\n")[1])}}var s="https://cdn.example/app/main.js:1:2",u=e=>e.local.internal.private(1),c="\/usr\/local\/share\/icons",f="/app/main.js",l={stack:"",trace:null,file:"x.js",line:3};self.onerror=function(m,u,l,c){console.log("Error: "+m+" at "+u+":"+l+":"+c)};return a});
//# sourceMappingURL=app.js.map
