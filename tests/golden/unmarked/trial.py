# -*- coding: latin-1 -*-
# hpo é
print('@hpo.', 'hpo:')	
