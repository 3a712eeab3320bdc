"""Names of XML Signature, as lxml writes them: {namespace}local."""

from __future__ import annotations

DS = "{http://www.w3.org/2000/09/xmldsig#}"
EXC_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
SIGNATURE = DS + "Signature"
